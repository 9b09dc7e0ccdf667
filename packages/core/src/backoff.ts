/** Bounds of the wait between two attempts, in milliseconds. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/**
 * Returns the milliseconds to wait after a number of consecutive failures: a random time below a bound that doubles
 * with every failure ("full jitter"), so that agents that lost their platform together do not come back together.
 */
export function fullJitter(failures: number, { baseMs, maxMs }: Backoff): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
}
