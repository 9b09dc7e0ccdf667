import { RcaError } from './rca-error.ts'

/** Thrown if the watched system cannot be reached. The message has the connector's error and its causes, redacted. */
export class ConnectionError extends RcaError {
  constructor(reason: string) {
    super('RCA_CONNECTION_FAILED', reason, { retryable: true })
  }
}
