/** Bounds of a wait that grows with every failure, in milliseconds. */
export interface Backoff {
  readonly base: number
  readonly cap: number
}

/**
 * How long to wait after a number of failures in a row, in milliseconds: a random time up to a bound that doubles with every failure ("full jitter"),
 * so that agents that lost their platform together do not come back together.
 */
export function fullJitter(failures: number, { base, cap }: Backoff): number {
  return Math.random() * Math.min(cap, base * 2 ** Math.min(failures - 1, 30))
}
