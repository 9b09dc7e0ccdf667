/** Tolerated difference by which an agent's clock is ahead. */
const MAX_CLOCK_AHEAD_MS = 5 * 60_000

/** Offset above which a clock was wrong, not just late to be set: earlier times then come from a correct clock. */
const WRONG_CLOCK_MS = 86_400_000

/**
 * Computes by how many milliseconds the clock of an agent is ahead: 0 within the tolerance. Returns `previous` while it
 * fits, so that reports of several requests keep their distances.
 *
 * @param times times of the reports of one request. @param previous offset of the previous request.
 */
export function findOffset(times: readonly number[], receivedAt: number, previous: number): number {
  const offset = times.reduce((latest, time) => Math.max(latest, time), Number.NEGATIVE_INFINITY) - receivedAt
  if (offset <= MAX_CLOCK_AHEAD_MS) return 0
  return Math.abs(offset - previous) <= MAX_CLOCK_AHEAD_MS ? previous : offset
}

/**
 * Returns the offset of a clock that differs from the agent's: 0 within the tolerance, so that its times are kept.
 *
 * @param agentOffset offset of the agent's clock. @param ahead milliseconds by which the clock is ahead of the agent's.
 */
export function offsetOfOtherClock(agentOffset: number, ahead: number): number {
  const offset = agentOffset + ahead
  return offset <= MAX_CLOCK_AHEAD_MS ? 0 : offset
}

/** Subtracts a clock's offset from a time. Returns `undefined` for a time that is still too far ahead. */
export function correctTime(time: number, offset: number, receivedAt: number): number | undefined {
  const corrected = offset > WRONG_CLOCK_MS && time <= receivedAt ? time : time - offset
  return corrected > receivedAt + MAX_CLOCK_AHEAD_MS ? undefined : corrected
}
