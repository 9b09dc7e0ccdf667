import type { CollectContext, Event, Signals } from '@rca/core/connector'

/** Core's side of a collector: keeps what is remembered. */
export function collectContext(signal: AbortSignal = new AbortController().signal): CollectContext {
  let kept: unknown
  return {
    signal,
    now: () => new Date('2026-11-25T00:00:00.000Z'),
    tell: () => Promise.reject(new Error('its collectors tell everything at the end')),
    swapState: <Reading>(reading: Reading): Reading | undefined => {
      const before = kept as Reading | undefined
      kept = reading
      return before
    },
  }
}

/** The events among what a watcher emitted. */
export function events(emitted: readonly Signals[]): Event[] {
  return emitted.flatMap((signals) => signals.events ?? []).filter((event) => event !== undefined)
}
