import type { Event } from '../../connector/signals.ts'

/** Events that a source may emit at once. */
const MAX_BURST = 10_000

/** Events that a source may emit every second in the long run. */
const EVENTS_PER_SECOND = 200

/** Time for which a source that emitted too many events has a gap. */
const GAP_MS = 60_000

export type EventLimit = ReturnType<typeof createEventLimit>

/** Limits the events of one source: a flood would push everything else out of the queue. */
export function createEventLimit(now: () => number = () => performance.now()) {
  let room = MAX_BURST
  let filledAt = now()
  let droppedAt = Number.NEGATIVE_INFINITY
  let dropped = 0

  return {
    /** Returns the first events for which there is room. */
    take: (events: readonly Event[]): readonly Event[] => {
      if (events.length === 0) return events
      const at = now()
      room = Math.min(MAX_BURST, room + ((at - filledAt) / 1000) * EVENTS_PER_SECOND)
      filledAt = at
      const kept = Math.min(events.length, Math.floor(room))
      room -= kept
      if (kept === events.length) return events
      if (at - droppedAt >= GAP_MS) dropped = 0
      dropped += events.length - kept
      droppedAt = at
      return events.slice(0, kept)
    },
    /** Returns why events were dropped, until a minute after the last one. */
    reason: (): string | undefined =>
      now() - droppedAt < GAP_MS
        ? `dropped ${dropped} events: a source may emit ${MAX_BURST} at once, and ${EVENTS_PER_SECOND} a second in the long run`
        : undefined,
  }
}
