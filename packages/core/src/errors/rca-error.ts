/** Options of {@link RcaError}. */
export interface RcaErrorOptions extends ErrorOptions {
  /** True if the same call may succeed later. @default false */
  readonly retryable?: boolean
}

/**
 * Base of every error that `@rca/core` throws on purpose. The message says what failed, where, and what to do.
 *
 * Compare `code`, not the class: two installed copies of core have different classes.
 */
export class RcaError extends Error {
  /** Stable code for programs, such as `RCA_CONFIG_INVALID`. */
  readonly code: string
  /** True if the same call may succeed later. */
  readonly retryable: boolean

  constructor(code: string, message: string, options: RcaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** Returns true for an error of any installed copy of core. */
export function isRcaError(value: unknown): value is RcaError {
  return (
    value instanceof Error &&
    typeof (value as { code?: unknown }).code === 'string' &&
    String((value as { code?: unknown }).code).startsWith('RCA_')
  )
}
