/** Bounds of the wait between two attempts, in milliseconds. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/** Returns random milliseconds below a bound that doubles with every failure: agents do not retry together. */
export function fullJitter(failures: number, { baseMs, maxMs }: Backoff): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
}

/** Least spread of agents that were asked to wait for the same time, in milliseconds. */
const MIN_SPREAD_MS = 1000

/** Longest wait that the platform can ask for. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Returns the milliseconds to wait when the platform asked for a time: never less, unless it is more than an hour. */
export function waitAfter(retryAfterMs: number): number {
  const wait = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)
  return wait + spread(wait)
}

/** Returns milliseconds to add to a wait that the platform asked for, so that agents do not return together. */
export function spread(retryAfterMs: number): number {
  return Math.random() * Math.max(MIN_SPREAD_MS, retryAfterMs)
}
