import type { Event, Watcher } from '@rca/core/connector'
import type { ChangeListener } from '../kinds/index.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'

/** What a follower is given. */
export interface FollowerContext {
  readonly signal: AbortSignal
  now(): Date
  /** Tells what happened, at once. */
  tell(event: Event | undefined): void
  /** Runs what takes time, such as reading evidence. What goes wrong with it ends the watcher, which is started again. */
  later(work: () => Promise<void>): void
  /** Runs after so many milliseconds, unless the watcher has ended. */
  after(milliseconds: number, work: () => void): void
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
          after: (milliseconds, work) => {
            const timer = setTimeout(() => {
              timers.delete(timer)
              attempt(work)
            }, milliseconds)
            timers.add(timer)
          },
        }
        const timers = new Set<NodeJS.Timeout>()
        let ended = false
        let unfollow: () => void = () => undefined
        const end = (): void => {
          ended = true
          unfollow()
          for (const timer of timers) clearTimeout(timer)
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
        function attempt(work: () => void): void {
          if (ended) return
          try {
            work()
          } catch (error) {
            fail(error)
          }
        }
        signal.addEventListener('abort', stop, { once: true })
        if (signal.aborted) return stop()
        attempt(() => {
          const listener = begin(client, context)
          unfollow = client.cluster.subscribe((change) => attempt(() => listener(change)))
          if (ended) unfollow()
        })
      }),
  }
}
