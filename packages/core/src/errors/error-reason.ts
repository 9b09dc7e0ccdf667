import { isRcaError } from './rca-error.ts'

/** Longest reason that is passed on, in UTF-16 code units. */
const LONGEST = 2000

/** Longest chain of causes that is followed. */
const DEEPEST = 5

/**
 * What an error says, and what its causes add ("fetch failed" alone helps nobody), without a stack trace. Whatever was
 * thrown: it never throws itself. The errors of core say all in their own message.
 */
export function reasonOf(error: unknown): string {
  try {
    return messageOf(error, 0)
  } catch {
    // A getter or a proxy that fails.
    return 'it threw something that cannot be read'
  }
}

/** The same, without secrets and of bounded length. Secrets go first: half of one is one too. */
export function shortReason(reason: string, redact: (text: string) => string): string {
  const text = redact(reason)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

function messageOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return `it threw ${typeof error === 'string' ? `"${error}"` : textOf(error)}`
  const message: unknown = error.message
  const written = typeof message === 'string' ? message : textOf(message)
  if (written === '' && error instanceof AggregateError)
    return (error.errors as unknown[]).map((one) => messageOf(one, depth + 1)).join('; ')
  const own = written === '' ? String(error.name) : written
  if (error.cause === undefined || depth >= DEEPEST || isRcaError(error)) return own
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
