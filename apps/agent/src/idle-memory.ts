import { releaseProgramPages } from './program-pages.ts'

/** Interval of releases, in milliseconds. A full garbage collection takes 20 to 50 ms of CPU. */
const INTERVAL_MS = 600_000

/** Time after the start, in milliseconds: what only the start needed is garbage by then. */
const FIRST_MS = 20_000

/**
 * Gives memory back that an idle agent does not need: pages of Node's program and, if Node runs with `--expose-gc`, as
 * the self-contained agent does, garbage of its start and compiled code that is not running. V8 by itself collects
 * garbage much later.
 */
export function releaseMemoryRegularly(
  collect: ((options: NodeJS.GCOptions) => void) | undefined = globalThis.gc,
  releasePages: () => Promise<void> = releaseProgramPages,
): void {
  const release = (): void => {
    collect?.({ type: 'major', flavor: 'last-resort' })
    void releasePages()
  }
  setTimeout(() => {
    release()
    setInterval(release, INTERVAL_MS).unref()
  }, FIRST_MS).unref()
}
