import { RcaError } from './rca-error.ts'

/**
 * Thrown if the watched host, engine or cluster cannot be reached. The message has the connector's error and its
 * causes, without secrets.
 */
export class ConnectionError extends RcaError {
  constructor(reason: string) {
    super('RCA_CONNECTION_FAILED', reason, { retryable: true })
  }
}
