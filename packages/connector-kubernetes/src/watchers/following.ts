import type { Event, Watcher } from '@rca/core'
import type { ChangeListener } from '../cluster/cluster.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'

/** What a follower is given. */
export interface FollowerContext {
  readonly signal: AbortSignal
  now(): Date
  /** Tells what happened, at once. */
  tell(event: Event | undefined): void
  /** Runs what takes time, such as reading evidence. What goes wrong with it ends the watcher, which is started again. */
  later(work: () => Promise<void>): void
}

/** Makes a watcher of a function that is told of each change in the cluster, beginning with what is there already. */
export function following(
  begin: (client: KubernetesClient, context: FollowerContext) => ChangeListener,
): Watcher<KubernetesClient> {
  return {
    watch: (client, { signal, now, emit }) =>
      new Promise<void>((resolve, reject) => {
        const context: FollowerContext = {
          signal,
          now,
          tell: (event) => {
            if (event !== undefined) emit({ events: [event] })
          },
          later: (work) => void work().catch(fail),
        }
        let unfollow: () => void = () => undefined
        const end = (): void => {
          unfollow()
          signal.removeEventListener('abort', stop)
        }
        const stop = (): void => {
          end()
          resolve()
        }
        function fail(error: unknown): void {
          end()
          reject(error)
        }
        signal.addEventListener('abort', stop, { once: true })
        if (signal.aborted) return stop()
        try {
          const listener = begin(client, context)
          unfollow = client.cluster.follow((change) => {
            try {
              listener(change)
            } catch (error) {
              fail(error)
            }
          })
        } catch (error) {
          fail(error)
        }
      }),
  }
}
