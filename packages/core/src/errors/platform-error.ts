import { RcaError } from './rca-error.ts'

/** Details of a failed request to the platform. */
export interface PlatformErrorDetails {
  /** HTTP status. Missing if no response arrived. */
  readonly status?: number
  /** Delay that the platform asked for, in milliseconds. */
  readonly retryAfter?: number
  readonly retryable: boolean
  readonly cause?: unknown
}

/** Thrown if a request to the platform fails. `retryable` is true if the same request may succeed later. */
export class PlatformError extends RcaError {
  readonly status: number | undefined
  readonly retryAfter: number | undefined

  constructor(message: string, details: PlatformErrorDetails) {
    super('RCA_PLATFORM_CALL_FAILED', message, { cause: details.cause, retryable: details.retryable })
    this.status = details.status
    this.retryAfter = details.retryAfter
  }

  /** True if the platform rejected the token (401 or 403): retries need a longer interval. */
  get refusedToken(): boolean {
    return this.status === 401 || this.status === 403
  }
}
