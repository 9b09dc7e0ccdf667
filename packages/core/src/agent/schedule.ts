import { pause } from '../pause.ts'

/** What is repeated, and how often. */
export interface Repetition {
  /** Milliseconds from one start to the next, more than 0. Asked before every wait, so that it may change. */
  readonly interval: () => number
  /** Never overlaps itself: a run that takes longer than the interval costs the starts it covers. Must not reject. */
  readonly task: () => Promise<void>
}

/**
 * Repeats a task until `signal` aborts, at once first. Starts lie on a grid of the monotonic clock: neither a slow task
 * nor a late timer nor a change of the wall clock makes them drift.
 */
export async function repeat({ interval, task }: Repetition, signal: AbortSignal): Promise<void> {
  let next = performance.now()
  while (!signal.aborted) {
    await task()
    const step = interval()
    const now = performance.now()
    next += step
    if (next <= now) next += Math.floor((now - next) / step + 1) * step
    await pause(next - now, signal)
  }
}
