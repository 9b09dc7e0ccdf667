/** Longest reason that is passed on, in UTF-16 code units. */
const LONGEST = 2000

/** What an error says, without a stack trace. Whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  if (error instanceof Error) return error.message === '' ? error.name : error.message
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
