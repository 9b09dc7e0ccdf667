import { setTimeout as sleep } from 'node:timers/promises'

const MAX_ATTEMPTS = 3
/** Time before another attempt, in milliseconds, for each attempt that failed. */
const RETRY_DELAY_MS = 10_000
const MAX_SHOWN_LINES = 4

/** Replaced by tests. */
interface Surroundings {
  readonly wait: (milliseconds: number) => Promise<unknown>
  readonly print: (text: string) => void
}

/**
 * Builds something from packages of Debian. Tries again when it fails: a mirror may be unreachable for a moment.
 *
 * @throws Error with the errors of the last attempt, and what to check
 */
export async function retryBuild(
  name: string,
  build: () => Promise<unknown>,
  { wait = sleep, print = console.error }: Partial<Surroundings> = {},
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await build()
      return
    } catch (error) {
      const reason = errorsIn((error as Error).message)
      if (attempt === MAX_ATTEMPTS)
        throw new Error(
          `${name} could not be built in ${MAX_ATTEMPTS} attempts:\n${reason}\nIf a package cannot be downloaded, check the mirror that apt uses with \`apt-get update\`, then run the command again.`,
          { cause: error },
        )
      const delayMs = attempt * RETRY_DELAY_MS
      print(`Attempt ${attempt} of ${MAX_ATTEMPTS} to build ${name} failed; next in ${delayMs / 1000} s:\n${reason}`)
      await wait(delayMs)
    }
  }
}

/** Returns the lines with errors of apt, dpkg and mmdebstrap, or else the last lines. */
function errorsIn(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const errors = lines.filter((line) => /^(?:E|Err|dpkg|error)\b.*:/i.test(line.trim()))
  return (errors.length > 0 ? errors : lines).slice(-MAX_SHOWN_LINES).join('\n')
}
