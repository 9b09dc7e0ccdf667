import type { Event, WatchContext } from '@rca/core/connector'

/** Core's side of a watcher: hands on each event that it tells. */
export function watchContext(
  signal: AbortSignal,
  onEvent: (event: Event) => void,
  now: () => Date = () => new Date(),
): WatchContext {
  return {
    signal,
    now,
    cursor: undefined,
    saveCursor: async () => undefined,
    sleep: async () => undefined,
    emit: ({ events = [] }) => {
      for (const event of events) if (event !== undefined) onEvent(event)
    },
  }
}
