import { isRcaError } from '@rca/core'
import { EnvironmentError } from './environment.ts'
import { EXIT_CODES } from './exit-codes.ts'

/** Does what a command does and ends the process with its exit code. What was expected to go wrong is one sentence, the rest a stack trace. */
export async function exitWith(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    const expected = error instanceof EnvironmentError || isRcaError(error)
    process.stderr.write(
      `${expected || !(error instanceof Error) ? String((error as Error).message ?? error) : error.stack}\n`,
    )
    process.exitCode = expected ? EXIT_CODES.usage : EXIT_CODES.crashed
  }
  // A collector that never came back may hold a socket open: the process ends all the same.
  setTimeout(() => process.exit(), 1_000).unref()
}
