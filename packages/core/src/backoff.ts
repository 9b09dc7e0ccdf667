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

/** Returns milliseconds to add to a wait that the platform asked for, so that agents do not return together. */
export function spread(retryAfterMs: number): number {
  return Math.random() * Math.max(MIN_SPREAD_MS, retryAfterMs)
}
