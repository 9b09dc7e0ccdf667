import { type Duration, toMilliseconds } from './config/duration.ts'
import { TimeoutError } from './errors/timeout-error.ts'

/** Longest delay of a Node.js timer (24 days). A longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** Waits, at most {@link MAX_TIMER_MS}. Resolves early when `signal` aborts; never rejects. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(milliseconds, MAX_TIMER_MS))
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

/** Returns the `sleep` of a connector's context, which rejects when `signal` aborts. */
export function abortableSleep(signal: AbortSignal): (duration: Duration) => Promise<void> {
  return (duration) => sleepOrReject(toMilliseconds(duration), signal)
}

async function sleepOrReject(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, signal)
  signal.throwIfAborted()
}

/** Distance of the times at which long sleeps of one schedule end. */
const ALIGNMENT_MS = 5_000

/** Shortest sleep that is aligned. */
const MIN_ALIGNED_MS = 2 * ALIGNMENT_MS

/**
 * Returns an {@link abortableSleep} for several loops. A sleep of at least 10 s ends up to 2.5 s earlier or later, at a
 * multiple of 5 s after `startedAt`: loops that wake up together cost less CPU than each at its own time.
 *
 * @param startedAt milliseconds of `performance.now()`
 */
export function alignedSleep(signal: AbortSignal, startedAt: number): (duration: Duration) => Promise<void> {
  return (duration) => {
    const milliseconds = toMilliseconds(duration)
    if (milliseconds < MIN_ALIGNED_MS) return sleepOrReject(milliseconds, signal)
    const elapsed = performance.now() - startedAt
    return sleepOrReject(Math.round((elapsed + milliseconds) / ALIGNMENT_MS) * ALIGNMENT_MS - elapsed, signal)
  }
}

/** Waits for a promise or the timeout; never rejects. Keeps the process alive, so that a stopping agent can finish. */
export async function settleWithin(promise: Promise<unknown> | undefined, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(timeoutMs, MAX_TIMER_MS))
  })
  await Promise.race([promise?.catch(() => undefined), timeout])
  clearTimeout(timer)
}

/**
 * Runs an operation with a timeout. Its signal aborts at the timeout or with `parent`; the returned promise settles
 * then even if the operation ignores its signal. @throws {TimeoutError} with `name`, such as `reading disks`
 */
export async function withTimeout<Result>(
  name: string,
  timeoutMs: number,
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  parent?.throwIfAborted()
  const controller = new AbortController()
  let end = (reason: unknown): void => controller.abort(reason)
  const aborted = new Promise<never>((_resolve, reject) => {
    end = (reason) => {
      reject(reason)
      controller.abort(reason)
    }
  })
  // After the race it has no other handler.
  aborted.catch(() => undefined)
  const onParent = (): void => end(parent?.reason)
  const timer = setTimeout(() => end(new TimeoutError(name, timeoutMs)), Math.min(timeoutMs, MAX_TIMER_MS))
  parent?.addEventListener('abort', onParent, { once: true })
  try {
    return await Promise.race([aborted, run(controller.signal)])
  } finally {
    clearTimeout(timer)
    parent?.removeEventListener('abort', onParent)
  }
}

/**
 * Repeats a task, which must not reject, until `signal` aborts; the first run starts at once. Starts lie on a grid of
 * the monotonic clock: neither a slow task nor a late timer nor a change of the wall clock makes them drift. A run that
 * takes longer than the interval skips the starts that it covers.
 *
 * @param intervalMs more than 0; called before every wait, so that the interval may change
 */
export async function repeat(intervalMs: () => number, task: () => Promise<void>, signal: AbortSignal): Promise<void> {
  let next = performance.now()
  while (!signal.aborted) {
    await task()
    const step = intervalMs()
    const now = performance.now()
    next += step
    if (next <= now) next += Math.floor((now - next) / step + 1) * step
    await sleep(next - now, signal)
  }
}
