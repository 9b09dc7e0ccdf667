import { isRcaError, toTerminalText } from '@rca/core'
import { endProcess } from './end-process.ts'
import { EnvironmentError } from './environment.ts'

export const EXIT_CODES = {
  /** Stopped by a signal, or the command succeeded. */
  ok: 0,
  /** An unexpected error. */
  crashed: 1,
  /** The environment or the command line is wrong: restarting without a change is useless. */
  usage: 2,
  /** `doctor` found a failure (warnings alone do not count), or `collect` could not read what it watches. */
  unhealthy: 3,
  /** `update --check` found a newer version. */
  behind: 4,
} as const

/**
 * Ends the process with one sentence when its output cannot be written, such as on a full disk. Ends it silently when
 * the reader of a pipe has closed it, as `head` does.
 */
export function exitOnOutputErrors(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_CODES.ok)
    process.stderr.write(`The output cannot be written: ${error.message}\n`)
    process.exit(EXIT_CODES.crashed)
  })
}

/** Runs a command and exits with its code. Expected errors are printed as one sentence, others with their stack. */
export async function exitWith(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    const isExpected = error instanceof EnvironmentError || isRcaError(error)
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
    const details = isExpected ? [message, ...debugStack(error)] : [stack ?? message]
    process.stderr.write(`${toTerminalText(details.join('\n'))}\n`)
    process.exitCode = isExpected ? EXIT_CODES.usage : EXIT_CODES.crashed
  }
  // A collector that never returned may hold a socket open: exit all the same.
  setTimeout(() => endProcess(Number(process.exitCode)), 1_000).unref()
}

/** Returns the stack of the cause of an expected error, such as that of a connector that throws while it is loaded. */
function debugStack({ cause }: Error): string[] {
  const isDebug = process.env.LOG_LEVEL?.trim() === 'debug'
  return isDebug && cause instanceof Error && cause.stack !== undefined ? [cause.stack] : []
}
