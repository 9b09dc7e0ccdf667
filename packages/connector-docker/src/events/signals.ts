import { constants } from 'node:os'
import { exitSignal } from '@rca/core/connector'

/** Signals that end a program, whatever its image says. */
const STOP_SIGNALS = new Set([constants.signals.SIGINT, constants.signals.SIGKILL, constants.signals.SIGTERM])

/** Returns whether a signal stops a container; others may make it reload its configuration. Podman reports none. */
export function isStopSignal(signal: string | undefined, stopSignal: string | undefined): boolean {
  if (signal === undefined) return true
  const number = signalNumber(signal)
  return number !== undefined && (STOP_SIGNALS.has(number) || number === signalNumber(stopSignal))
}

function signalNumber(signal: string | undefined): number | undefined {
  if (signal === undefined) return undefined
  if (/^\d+$/.test(signal)) return Number(signal)
  const name = signal.toUpperCase().replace(/^(?:SIG)?/, 'SIG')
  return (constants.signals as Readonly<Record<string, number>>)[name]
}

/** Returns the name of a signal, such as `SIGSEGV` for `11`; an unknown one as it is. */
export function nameOfSignal(signal: string | undefined): string | undefined {
  const number = signalNumber(signal)
  return (number === undefined ? undefined : exitSignal(128 + number)) ?? signal
}

/** Returns whether a container ended by itself or by a stop signal, after a signal whose number is unknown. */
export function isStopExit(exitCode: number | undefined, stopSignal: string | undefined): boolean {
  return exitCode === 0 || (exitCode !== undefined && exitCode > 128 && isStopSignal(`${exitCode - 128}`, stopSignal))
}
