import { RcaError } from './rca-error.ts'

/** Thrown if a value cannot be quoted as one word. The message never contains the value, which may be a token. */
export class ShellQuotingError extends RcaError {
  constructor(place: string, problem: string) {
    super('RCA_SHELL_WORD_INVALID', `${place} ${problem}`)
  }
}
