import { RcaError } from './rca-error.ts'

/** Something took longer than it was given. */
export class DeadlineError extends RcaError {
  constructor(what: string, milliseconds: number) {
    super('RCA_DEADLINE_EXCEEDED', `${what} did not finish within ${milliseconds / 1000} s`, { retryable: true })
  }
}
