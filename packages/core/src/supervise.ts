import { type Backoff, fullJitter } from './backoff.ts'
import { sleep as sleepWithTimer } from './timers.ts'

const DEFAULT_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 60_000 }

export interface Failure {
  readonly error: unknown
  /** Consecutive failures, this one included. */
  readonly failures: number
  /** Milliseconds until the task is restarted. */
  readonly restartInMs: number
}

export interface SuperviseOptions {
  /** Returns the milliseconds to wait before the next run. @default full jitter from 1 s to 60 s */
  readonly backoff?: (failures: number, error: unknown) => number
  /** Milliseconds after which a run counts as settled. @default only when the task calls `settle` */
  readonly settledAfterMs?: number
  /** Called once per run, when it settles. */
  readonly onSettled?: () => void
  /** Called before the wait for a restart. */
  readonly onFailure: (failure: Failure) => void
  /** Waits so many milliseconds, or until `signal` aborts. @default with a timer of Node.js */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/**
 * Runs a task until it resolves or `signal` aborts, and restarts it with backoff when it rejects. Never rejects itself.
 * After `settle`, the next failure counts as the first one.
 */
export async function supervise(
  task: (signal: AbortSignal, settle: () => void) => Promise<void>,
  options: SuperviseOptions,
  signal: AbortSignal,
): Promise<void> {
  const {
    backoff = (failures) => fullJitter(failures, DEFAULT_BACKOFF),
    settledAfterMs,
    onSettled,
    onFailure,
    sleep = sleepWithTimer,
  } = options
  let failures = 0
  while (!signal.aborted) {
    let isSettled = false
    let hasEnded = false
    const settle = (): void => {
      if (hasEnded) return
      failures = 0
      if (!isSettled) onSettled?.()
      isSettled = true
    }
    const timer = settledAfterMs === undefined ? undefined : setTimeout(settle, settledAfterMs).unref()
    try {
      await task(signal, settle)
      return
    } catch (error) {
      hasEnded = true
      if (signal.aborted) return
      failures += 1
      const restartInMs = backoff(failures, error)
      onFailure({ error, failures, restartInMs })
      clearTimeout(timer)
      await sleep(restartInMs, signal)
    } finally {
      clearTimeout(timer)
    }
  }
}
