import { setTimeout } from 'node:timers/promises'

/** The engine reports an OOM kill up to this long after the exit. */
export const OOM_REPORT_TIMEOUT_MS = 1_000

/** Time for which an OOM kill waits for the exit of the run, whose event reports it as well. */
const MAX_OOM_WAIT_MS = 2_000

/** OOM kill in one run. The engine may report it after the exit of the run. */
export type OomKill = ReturnType<typeof noOomKill>

/** Returns the state of a run without an OOM kill. */
export function noOomKill() {
  const { promise: reported, resolve: resolveReported } = createGate()
  const { promise: ended, resolve: resolveEnded } = createGate()
  let at: number | undefined
  let hasEnded = false
  let isExitExplained = true
  return {
    get isReported() {
      return at !== undefined
    },
    /** Time of the last one, in milliseconds since 1970. */
    get at() {
      return at
    },
    reported,
    report: (time: Date): void => {
      at = time.getTime()
      resolveReported()
    },
    /** Resolves when the run ends without a request. */
    ended,
    end: (): void => {
      hasEnded = true
      resolveEnded()
    },
    /** Records that the exit was reported as a crash without an OOM kill: the engine reported the kill too late. */
    missExit: (): void => {
      isExitExplained = false
    },
    /** Returns whether the event of the exit reports the kill. */
    isReportedWithExit: () => hasEnded && isExitExplained,
  }
}

/** Returns whether the event of the exit reports an OOM kill. Waits for the exit. */
export async function isReportedWithExit(oomKill: OomKill, signal: AbortSignal): Promise<boolean> {
  await waitFor(oomKill.ended, MAX_OOM_WAIT_MS, signal)
  return oomKill.isReportedWithExit()
}

/** Waits for the engine's report of an OOM kill, which may follow the exit. */
export async function waitForOomKill({ reported }: OomKill, signal: AbortSignal): Promise<void> {
  await waitFor(reported, OOM_REPORT_TIMEOUT_MS, signal)
}

async function waitFor(promise: Promise<void>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const waited = new AbortController()
  const timeout = setTimeout(milliseconds, undefined, { signal: AbortSignal.any([signal, waited.signal]) })
  await Promise.race([promise, timeout.catch(() => undefined)])
  waited.abort()
}

/** Returns a promise and the function that resolves it. */
function createGate() {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((resolvePromise) => {
    resolve = resolvePromise
  })
  return { promise, resolve: () => resolve() }
}
