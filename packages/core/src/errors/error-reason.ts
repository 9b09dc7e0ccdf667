import { isRcaError } from './rca-error.ts'

/** In UTF-16 code units. */
const MAX_REASON_LENGTH = 2000

const MAX_CAUSES = 5

/**
 * Returns the message of an error and of its causes ("fetch failed" alone explains nothing), without a stack trace.
 * Accepts anything that can be thrown, and never throws. The messages of core's own errors are complete without
 * their causes.
 */
export function reasonOf(error: unknown): string {
  try {
    return messageOf(error, 0)
  } catch {
    // A getter or a proxy threw.
    return 'it threw a value that cannot be read'
  }
}

/** Redacts a reason, then cuts it: half a secret is still a secret. */
export function shortReason(reason: string, redact: (text: string) => string): string {
  const text = redact(reason)
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH - 1)}…`
}

function messageOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return `it threw ${typeof error === 'string' ? `"${error}"` : textOf(error)}`
  const message: unknown = error.message
  const written = typeof message === 'string' ? message : textOf(message)
  if (written === '' && error instanceof AggregateError)
    return (error.errors as unknown[]).map((one) => messageOf(one, depth + 1)).join('; ')
  const own = written === '' ? String(error.name) : written
  if (error.cause === undefined || depth >= MAX_CAUSES || isRcaError(error)) return own
  const cause = messageOf(error.cause, depth + 1)
  return own.includes(cause) ? own : `${own}: ${cause}`
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return `something of type ${typeof value}`
  }
}
