/** Bounds of the wait between two attempts, in milliseconds. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/** Returns random milliseconds below a bound that doubles with every failure: agents do not retry together. */
export function fullJitter(failures: number, { baseMs, maxMs }: Backoff): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
}
