import { isRcaError } from './errors/rca-error.ts'

/** Longest reason that is passed on, in UTF-16 code units. */
const LONGEST = 2000

/** Longest chain of causes that is followed. */
const DEEPEST = 5

/**
 * What an error says, and what its causes add ("fetch failed" alone helps nobody), without a stack trace. Whatever was
 * thrown. The errors of core say all in their own message.
 */
export function reasonOf(error: unknown, depth = 0): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((one) => reasonOf(one, depth)).join('; ')
  if (error instanceof Error) {
    const own = error.message === '' ? error.name : error.message
    if (error.cause === undefined || depth >= DEEPEST || isRcaError(error)) return own
    const cause = reasonOf(error.cause, depth + 1)
    return own.includes(cause) ? own : `${own}: ${cause}`
  }
  return `it threw ${typeof error === 'string' ? `"${error}"` : textOf(error)}`
}

/** The same, without secrets and of bounded length. Secrets go first: half of one is one too. */
export function shortReason(reason: string, redact: (text: string) => string): string {
  const text = redact(reason)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return `something of type ${typeof value}`
  }
}
