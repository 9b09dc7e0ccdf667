/** How far ahead an agent's clock may be, in milliseconds. */
const LEAD = 5 * 60_000

/** A clock that is further ahead was not slow to be set, it was wrong: what is dated before its arrival was dated by a right one. */
const DAY = 86_400_000

/**
 * How far ahead the clock is that dated these reports of one agent, in milliseconds: 0 where it is within bounds. It stays as
 * `before` while that fits, so that reports of several requests keep their distances.
 *
 * @param stated times of the reports. @param before what was found for the request before.
 */
export function findOffset(stated: readonly number[], receivedAt: number, before: number): number {
  const offset = stated.reduce((latest, time) => Math.max(latest, time), Number.NEGATIVE_INFINITY) - receivedAt
  if (offset <= LEAD) return 0
  return Math.abs(offset - before) <= LEAD ? before : offset
}

/** Takes a clock's offset out of a time that it stated. What is too far ahead even then is `undefined`. */
export function correctTime(stated: number, offset: number, receivedAt: number): number | undefined {
  const corrected = offset > DAY && stated <= receivedAt ? stated : stated - offset
  return corrected > receivedAt + LEAD ? undefined : corrected
}
