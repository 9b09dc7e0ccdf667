/** Time in which refusals are counted together. */
const WINDOW_MS = 10_000

/** Longest time over which callers that were refused together are spread. */
const MAX_SPREAD_SECONDS = 60

/** Callers that are counted one by one in a window. Further ones are not: their addresses may be made up. */
const MAX_CALLERS = 1000

/** Returns the `Retry-After` of a refused request, never less than `seconds`. */
export type SpreadRetries = (seconds: number, caller?: string) => number

/**
 * Spreads the return of refused callers: by half of the time that they wait anyway, and the more were refused for the
 * same reason in the last seconds, the further, so that about `perSecond` of them return in a second. Refusals for a
 * limit of one caller are counted for that `caller` alone: it does not make others wait.
 */
export function createRetrySpread(
  perSecond: number,
  now: () => number = () => performance.now(),
  random: () => number = Math.random,
): SpreadRetries {
  let began = now()
  let refused = new Map<string, number>()
  let before = refused
  return (seconds, caller = '') => {
    const elapsed = now() - began
    if (elapsed >= WINDOW_MS) {
      before = elapsed < 2 * WINDOW_MS ? refused : new Map()
      refused = new Map()
      began = now()
    }
    const count = (refused.get(caller) ?? 0) + 1
    if (count > 1 || caller === '' || refused.size < MAX_CALLERS) refused.set(caller, count)
    const together = Math.max(count, before.get(caller) ?? 0) / perSecond
    return Math.ceil(seconds + random() * Math.max(seconds / 2, Math.min(MAX_SPREAD_SECONDS, together)))
  }
}
