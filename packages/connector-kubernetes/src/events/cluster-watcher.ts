import type { Event, Watcher } from '@rca/core/connector'
import type { ChangeListener } from '../kinds/index.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'

/** Given to the functions that turn changes of the cluster into events. */
export interface ClusterWatchContext {
  readonly signal: AbortSignal
  now(): Date
  /** Emits an event at once. Ignores `undefined`. */
  emit(event: Event | undefined): void
  /** Runs slow work, such as reading evidence. A failure ends the watcher, which is then restarted. */
  inBackground(work: () => Promise<void>): void
  /** Runs work after a delay, unless the watcher has ended. */
  after(milliseconds: number, work: () => void): void
}

/** Creates a watcher from a function that receives each change of the cluster, beginning with the existing objects. */
export function watchCluster(
  begin: (client: KubernetesClient, context: ClusterWatchContext) => ChangeListener,
): Watcher<KubernetesClient> {
  return {
    watch: (client, { signal, now, emit }) =>
      new Promise<void>((resolve, reject) => {
        const context: ClusterWatchContext = {
          signal,
          now,
          emit: (event) => {
            if (event !== undefined) emit({ events: [event] })
          },
          inBackground: (work) => void work().catch(fail),
          after: (milliseconds, work) => {
            const timer = setTimeout(() => {
              timers.delete(timer)
              attempt(work)
            }, milliseconds)
            timers.add(timer)
          },
        }
        const timers = new Set<NodeJS.Timeout>()
        let hasEnded = false
        let unfollow: () => void = () => undefined
        const end = (settle: () => void): void => {
          hasEnded = true
          unfollow()
          for (const timer of timers) clearTimeout(timer)
          signal.removeEventListener('abort', stop)
          settle()
        }
        const stop = (): void => end(resolve)
        const fail = (error: unknown): void => end(() => reject(error))
        function attempt(work: () => void): void {
          if (hasEnded) return
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
          if (hasEnded) unfollow()
        })
      }),
  }
}
