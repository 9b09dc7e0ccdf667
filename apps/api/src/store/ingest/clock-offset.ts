/** Tolerated difference between the clocks of an agent and the platform. */
export const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000

/** Age from which a report cannot have waited in the outbox of its agent. */
const MAX_REPORT_AGE_MS = 7 * 86_400_000

/** Offset above which a clock was wrong, not just late to be set: earlier times then come from a correct clock. */
const WRONG_CLOCK_MS = 86_400_000

/**
 * Computes by how many milliseconds the clock of an agent is ahead: 0 within the tolerance, negative for a clock that
 * is behind. Returns `previous` while it fits, so that reports of several requests keep their distances.
 *
 * An old report may come from a clock that is behind, or have waited in the outbox. It did not wait when its time is
 * before a heartbeat with an empty outbox, or is very long ago.
 *
 * @param times times of the reports of one request. @param previous offset of the previous request.
 * @param emptyOutboxAt arrival of the last heartbeat, if the agent's outbox was empty then.
 */
export function findOffset(
  times: readonly number[],
  receivedAt: number,
  previous: number,
  emptyOutboxAt: number = Number.NEGATIVE_INFINITY,
): number {
  const newest = times.reduce((latest, time) => Math.max(latest, time), Number.NEGATIVE_INFINITY)
  const offset = newest - receivedAt
  const fitsPrevious = Math.abs(offset - previous) <= MAX_CLOCK_DIFFERENCE_MS
  if (offset > MAX_CLOCK_DIFFERENCE_MS) return fitsPrevious ? previous : offset
  if (offset >= -MAX_CLOCK_DIFFERENCE_MS) return 0
  // Reports of a clock that is behind may have waited as well.
  if (previous < 0 && (fitsPrevious || offset < previous)) return previous
  const didNotWait = newest < emptyOutboxAt - MAX_CLOCK_DIFFERENCE_MS || offset < -MAX_REPORT_AGE_MS
  return didNotWait ? offset : 0
}

/**
 * Returns the offset of a clock that differs from the agent's: 0 within the tolerance, so that its times are kept.
 *
 * @param agentOffset offset of the agent's clock. @param ahead milliseconds by which the clock is ahead of the agent's.
 */
export function offsetOfOtherClock(agentOffset: number, ahead: number): number {
  const offset = agentOffset + ahead
  if (agentOffset < 0 && offset < -MAX_CLOCK_DIFFERENCE_MS) return offset
  return offset <= MAX_CLOCK_DIFFERENCE_MS ? 0 : offset
}

/** Subtracts a clock's offset from a time. Returns `undefined` for a time that is still too far ahead. */
export function correctTime(time: number, offset: number, receivedAt: number): number | undefined {
  const corrected = offset > WRONG_CLOCK_MS && time <= receivedAt ? time : time - offset
  return corrected > receivedAt + MAX_CLOCK_DIFFERENCE_MS ? undefined : corrected
}
