import { exitSignal } from '@rca/core/connector'

/** Name of the signal that ended a run: the one that the runtime names, or else the one that the exit code stands for. */
export function signalName(exitCode: number | undefined, signal: number | undefined): string | undefined {
  return (signal === undefined || signal === 0 ? undefined : exitSignal(128 + signal)) ?? exitSignal(exitCode)
}
