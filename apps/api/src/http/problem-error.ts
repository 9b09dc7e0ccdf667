import { STATUS_CODES } from 'node:http'
import type { Problem } from '@rca/core/protocol'

/** Maximum number of fields in one problem. */
export const MAX_FIELD_PROBLEMS = 20

/** One invalid field of a request. */
export interface FieldProblem {
  /** JSON Pointer as a URI fragment: `#/reports/0/agent_id` in the body, `#/query/from`, `#/path/agent_id`. */
  readonly pointer: string
  readonly detail: string
}

export interface ProblemOptions {
  readonly errors?: readonly FieldProblem[]
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
  /** Fields for the log, beside the cause. Never sent to the client. */
  readonly logFields?: Readonly<Record<string, string>>
}

/** A request that is answered with a problem (RFC 9457): what is wrong and how to fix it, without secrets. */
export class ProblemError extends Error {
  readonly statusCode: number
  readonly errors: readonly FieldProblem[]
  readonly headers: Readonly<Record<string, string>>
  readonly logFields: Readonly<Record<string, string>>

  constructor(statusCode: number, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProblemError'
    this.statusCode = statusCode
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
    this.logFields = options.logFields ?? {}
  }

  toJSON(): Problem {
    return {
      type: 'about:blank',
      title: STATUS_CODES[this.statusCode] ?? 'Error',
      status: this.statusCode,
      detail: this.message,
      ...(this.errors.length === 0 ? {} : { errors: [...this.errors] }),
    }
  }
}

/** 401: the token is missing or does not open this route. `credential` names a token that was valid, for the log. */
export function unauthorized(detail: string, credential?: string): ProblemError {
  const headers = { 'www-authenticate': 'Bearer realm="rca"' }
  return new ProblemError(401, detail, { headers, ...(credential !== undefined && { logFields: { credential } }) })
}

/** 422: the request can be parsed, and its content is invalid. Nothing was written. */
export function invalid(errors: readonly FieldProblem[]): ProblemError {
  const [first, ...others] = errors
  if (first === undefined) return new ProblemError(422, 'The request is not valid.')
  const rest = others.length > 0 ? ` (and ${others.length} more)` : ''
  return new ProblemError(422, `${first.pointer}: ${first.detail}${rest}`, { errors })
}

/** 503: the same request may succeed after some seconds. */
export function unavailable(detail: string, retryAfterSeconds: number, cause?: unknown): ProblemError {
  return new ProblemError(503, detail, { headers: { 'retry-after': String(retryAfterSeconds) }, cause })
}

/** Builds a JSON Pointer (RFC 6901) in its URI fragment form, such as `#/config/log_level`. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return `#${path.map((segment) => `/${encodeSegment(String(segment))}`).join('')}`
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** Ends a text with a full stop, unless it ends with a punctuation mark already. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
