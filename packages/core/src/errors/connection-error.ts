import { RcaError } from './rca-error.ts'

/** What is watched cannot be reached. The message is what the connector said, with the causes, without secrets. */
export class ConnectionError extends RcaError {
  constructor(reason: string) {
    super('RCA_CONNECTION_FAILED', reason, { retryable: true })
  }
}
