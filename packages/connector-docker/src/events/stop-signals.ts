import { constants } from 'node:os'

/** Signals that end a program, whatever its image says: interrupt, kill and terminate. */
const ENDING = new Set([constants.signals.SIGINT, constants.signals.SIGKILL, constants.signals.SIGTERM])

/**
 * Whether a signal asks a container to end. Others tell its program something: to read its configuration, or to write out its
 * threads.
 *
 * @param signal as the engine writes it, which is its number; Podman does not say which it was
 * @param stopSignal the signal by which the container wants to be stopped, such as `SIGQUIT`, `QUIT` or `3`
 */
export function asksToEnd(signal: string | undefined, stopSignal: string | undefined): boolean {
  if (signal === undefined) return true
  const number = numberOf(signal)
  return number !== undefined && (ENDING.has(number) || number === numberOf(stopSignal))
}

function numberOf(signal: string | undefined): number | undefined {
  if (signal === undefined) return undefined
  if (/^\d+$/.test(signal)) return Number(signal)
  const name = signal.toUpperCase().replace(/^(?:SIG)?/, 'SIG')
  return (constants.signals as Readonly<Record<string, number>>)[name]
}
