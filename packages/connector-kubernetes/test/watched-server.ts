import { silentLogger } from '@rca/core'
import type { Event, Watcher } from '@rca/core/connector'
import { configSchema } from '../src/config.ts'
import { openKubernetesClient } from '../src/connect.ts'
import type { KubernetesClient } from '../src/kubernetes-client.ts'
import { fakeFingerprint } from './fixtures.ts'
import { watchContext } from './watch-context.ts'

/** Watchers on a real server. */
export interface WatchedServer {
  readonly client: KubernetesClient
  /** Passes on the events of these watchers until `end`. */
  watch(
    watchers: Readonly<Record<string, Watcher<KubernetesClient>>>,
    onEvent: (event: Event) => void,
    now?: () => Date,
  ): void
  end(): Promise<void>
}

/** Resolves when every kind was listed. @param config options of the connector */
export async function watchServer(config: object): Promise<WatchedServer> {
  const stopping = new AbortController()
  const { signal } = stopping
  const client = await openKubernetesClient({
    config: configSchema.parse(config),
    signal,
    log: silentLogger,
    keyedHash: fakeFingerprint,
  })
  await client.cluster.listed(signal)
  const watching: Promise<void>[] = []
  return {
    client,
    watch: (watchers, onEvent, now) => {
      for (const watcher of Object.values(watchers))
        watching.push(watcher.watch(client, watchContext(signal, onEvent, now)))
    },
    end: async () => {
      stopping.abort()
      await Promise.all(watching)
      client.cluster.close()
      client.api.close()
    },
  }
}
