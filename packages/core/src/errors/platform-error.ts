import { RcaError } from './rca-error.ts'

/** What is known of a call to the platform that failed. */
export interface PlatformErrorDetails {
  /** HTTP status; absent when no answer arrived. */
  readonly status?: number
  /** How long the platform asked to wait, in milliseconds. */
  readonly retryAfter?: number
  readonly retryable: boolean
  readonly cause?: unknown
}

/** A call to the platform failed. `retryable` tells whether the same call may succeed later. */
export class PlatformError extends RcaError {
  readonly status: number | undefined
  readonly retryAfter: number | undefined

  constructor(message: string, details: PlatformErrorDetails) {
    super('RCA_PLATFORM_CALL_FAILED', message, { cause: details.cause, retryable: details.retryable })
    this.status = details.status
    this.retryAfter = details.retryAfter
  }

  /** Whether the platform refused the token (401 or 403): retrying at the usual pace is useless, the operator must act. */
  get refusedToken(): boolean {
    return this.status === 401 || this.status === 403
  }
}
