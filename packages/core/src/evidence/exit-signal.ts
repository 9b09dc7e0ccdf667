import { constants } from 'node:os'

/** Name of the signal that an exit code stands for: 128 and the signal's number (bash(1), and what the engine writes). */
export function exitSignal(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode <= 128) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0]
}
