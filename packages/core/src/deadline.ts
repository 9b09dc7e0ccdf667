import { DeadlineError } from './errors/deadline-error.ts'
import { LONGEST_TIMER } from './pause.ts'

/**
 * Runs something under a deadline. Its signal aborts at the deadline, or with `parent`; the promise settles then even if
 * what was run ignores the signal. Runs nothing when `parent` has aborted before.
 *
 * @param milliseconds how long it may take
 * @throws {DeadlineError} at the deadline, or whatever was run throws.
 */
export async function withDeadline<Result>(
  what: string,
  milliseconds: number,
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  parent?.throwIfAborted()
  const controller = new AbortController()
  const { promise: aborted, reject } = rejection()
  const abort = (reason: unknown): void => {
    controller.abort(reason)
    reject(reason)
  }
  const onParent = (): void => abort(parent?.reason)
  const timer = setTimeout(() => abort(new DeadlineError(what, milliseconds)), Math.min(milliseconds, LONGEST_TIMER))
  parent?.addEventListener('abort', onParent, { once: true })
  try {
    return await Promise.race([aborted, run(controller.signal)])
  } finally {
    clearTimeout(timer)
    parent?.removeEventListener('abort', onParent)
  }
}

function rejection(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined
  const promise = new Promise<never>((_resolve, rejectPromise) => {
    reject = rejectPromise
  })
  // Nobody listens after the race is over.
  promise.catch(() => undefined)
  return { promise, reject }
}
