import { RcaError } from './rca-error.ts'

/** Thrown if an operation does not finish within its timeout. */
export class TimeoutError extends RcaError {
  constructor(operation: string, milliseconds: number) {
    super('RCA_TIMEOUT', `${operation} did not finish within ${milliseconds / 1000} s`, { retryable: true })
  }
}
