import { RcaError } from './rca-error.ts'

/** An operation that did not finish within its timeout. */
export class TimeoutError extends RcaError {
  constructor(operation: string, milliseconds: number) {
    super('RCA_TIMEOUT', `${operation} did not finish within ${milliseconds / 1000} s`, { retryable: true })
  }
}
