/**
 * Returns a signal that aborts after some milliseconds, or with `parent`. Node.js 20 may collect the timeout of a plain
 * `AbortSignal.any` as garbage before it fires, unless the timeout has a listener.
 */
export function timeoutSignal(milliseconds: number, parent: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(milliseconds)
  timeout.addEventListener('abort', () => undefined, { once: true })
  return AbortSignal.any([parent, timeout])
}
