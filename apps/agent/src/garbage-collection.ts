import { releaseProgramPages } from './program-pages.ts'

/** Interval of full garbage collections, in milliseconds. Each takes 20 to 50 ms of CPU. */
const INTERVAL_MS = 600_000

/** Time after the start, in milliseconds: what only the start needed is garbage by then. */
const FIRST_MS = 20_000

/**
 * Gives memory back that an idle agent does not need: garbage of its start, compiled code that is not running, and
 * pages of Node's program. V8 by itself collects garbage much later. Does nothing unless Node runs with `--expose-gc`,
 * as the self-contained agent does.
 */
export function collectGarbageRegularly(
  collect: ((options: NodeJS.GCOptions) => void) | undefined = globalThis.gc,
  releasePages: () => Promise<void> = releaseProgramPages,
): void {
  if (collect === undefined) return
  const collectAll = (): void => {
    collect({ type: 'major', flavor: 'last-resort' })
    void releasePages()
  }
  setTimeout(() => {
    collectAll()
    setInterval(collectAll, INTERVAL_MS).unref()
  }, FIRST_MS).unref()
}
