import { constants } from 'node:os'

/** Returns the signal for an exit code of 128 plus the signal's number, as of bash(1) and container runtimes. */
export function exitSignal(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode <= 128) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0]
}
