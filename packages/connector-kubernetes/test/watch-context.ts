import { watchContext as testWatchContext } from '@rca/connector-testkit'
import type { Event, WatchContext } from '@rca/core/connector'

/** Returns the context of a watcher that passes on each event. */
export function watchContext(
  signal: AbortSignal,
  onEvent: (event: Event) => void,
  now: () => Date = () => new Date(),
): WatchContext {
  return testWatchContext({
    signal,
    now,
    onEmit: ({ events = [] }) => {
      for (const event of events) if (event !== undefined) onEvent(event)
    },
  })
}
