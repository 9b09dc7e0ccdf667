import { silentLogger } from '@rca/core'
import type { Event, Watcher } from '@rca/core/connector'
import { onTestFinished } from 'vitest'
import type { KubernetesApi } from '../src/api/kubernetes-api.ts'
import { configSchema } from '../src/config.ts'
import { createMissingPermissions } from '../src/evidence/missing-permissions.ts'
import type { CachedKindDefinition } from '../src/informer/kind-informer.ts'
import { createObjectStore, type ObjectStore, type SlimObject } from '../src/informer/object-store.ts'
import { clusterSignals } from '../src/kinds/cluster.ts'
import {
  type CachedKind,
  type ChangeListener,
  type Cluster,
  type ClusterChange,
  cachedKinds,
  kinds,
} from '../src/kinds/index.ts'
import type { KubernetesClient } from '../src/kubernetes-client.ts'
import { createLastMemory } from '../src/usage/last-memory.ts'
import { pods } from './api-server.ts'
import { fakeFingerprint } from './fixtures.ts'
import { watchContext } from './watch-context.ts'

/** A cluster whose objects a test puts and removes, and a client for it. */
export interface FollowedCluster {
  readonly client: KubernetesClient
  /** Adds or changes an object. Each call gives it another version. */
  put(kind: CachedKind, raw: object): void
  remove(kind: CachedKind, raw: object): void
  /** Ends the initial list: objects that are put later are new. */
  listed(): void
  /** Records the events of a watcher until the test ends or `stop` is called. */
  watch(watcher: Watcher<KubernetesClient>, now?: () => Date): { readonly events: Event[]; stop(): Promise<void> }
}

/** @param api answers of the API server */
export function followedCluster(api: Partial<KubernetesApi> = {}, config: object = {}): FollowedCluster {
  const listeners = new Set<ChangeListener>()
  let version = 0
  const stores = Object.fromEntries(
    cachedKinds.map((kind): [CachedKind, ObjectStore<SlimObject>] => {
      const { project } = kinds[kind] as CachedKindDefinition<SlimObject>
      const store = createObjectStore<SlimObject>(
        (raw) => project(raw, fakeFingerprint),
        (change) => {
          for (const listener of listeners) listener({ kind, ...change } as unknown as ClusterChange)
        },
      )
      store.beginListing()
      return [kind, store]
    }),
  ) as Record<CachedKind, ObjectStore<SlimObject>>
  const cluster: Cluster = {
    objects: (kind) => stores[kind].objects as never,
    resource: (kind) => (kind === 'pods' ? pods : undefined),
    subscribe: (listener) => {
      for (const kind of cachedKinds)
        for (const object of stores[kind].objects.values())
          listener({ kind, type: 'added', object, isInitial: true } as unknown as ClusterChange)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    listed: async () => undefined,
    syncStatus: () => ({ isListed: true, isCurrent: true, unlisted: [], gaps: [] }),
    missing: () => undefined,
    close: () => undefined,
  }
  const client: KubernetesClient = {
    config: configSchema.parse(config),
    api: api as KubernetesApi,
    cluster,
    uid: 'cluster-1',
    name: 'test',
    entity: clusterSignals.cluster.reference('cluster-1'),
    lastMemory: createLastMemory(),
    refusals: createMissingPermissions(),
    keyedHash: fakeFingerprint,
    log: silentLogger,
  }
  return {
    client,
    put: (kind, raw) => {
      version += 1
      const { metadata } = raw as { readonly metadata: object }
      stores[kind].put({ ...raw, metadata: { ...metadata, resourceVersion: String(version) } })
    },
    remove: (kind, raw) => stores[kind].remove(raw),
    listed: () => {
      for (const kind of cachedKinds) stores[kind].endListing()
    },
    watch: (watcher, now = () => new Date()) => {
      const events: Event[] = []
      const stopping = new AbortController()
      const watching = watcher.watch(
        client,
        watchContext(stopping.signal, (event) => events.push(event), now),
      )
      const stop = async (): Promise<void> => {
        stopping.abort()
        await watching
      }
      onTestFinished(stop)
      return { events, stop }
    },
  }
}
