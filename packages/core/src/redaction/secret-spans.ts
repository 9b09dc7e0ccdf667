export const REDACTED = '[redacted]'

/** Reports a secret in a text, by its start and end. `inQuotes` keeps JSON valid where the secret has no quotes. */
export type AddSpan = (start: number, end: number, inQuotes?: boolean) => void

/** Finds secrets in a text, in time that is linear in its length. */
export type SecretFinder = (text: string, add: AddSpan) => void

interface Span {
  readonly start: number
  readonly end: number
  readonly inQuotes: boolean
}

/** Replaces all secrets that the finders report, overlapping ones together. All finders see the original text. */
export function redactSpans(text: string, finders: readonly SecretFinder[]): string {
  const spans: Span[] = []
  const add: AddSpan = (start, end, inQuotes = false) => {
    if (end > start && !isReplacement(text, start, end)) spans.push({ start, end, inQuotes })
  }
  for (const find of finders) find(text, add)
  if (spans.length === 0) return text
  spans.sort((left, right) => left.start - right.start)
  const parts: string[] = []
  let [position, pending] = [0, spans[0] as Span]
  const write = (): void => {
    parts.push(text.slice(position, pending.start), pending.inQuotes ? `"${REDACTED}"` : REDACTED)
    position = pending.end
  }
  for (const span of spans.slice(1)) {
    if (span.start < pending.end)
      pending = { ...pending, end: Math.max(pending.end, span.end), inQuotes: pending.inQuotes && span.inQuotes }
    else {
      write()
      pending = span
    }
  }
  write()
  parts.push(text.slice(position))
  return parts.join('')
}

/** A secret that was redacted before, perhaps without its bracket, is not redacted again. */
function isReplacement(text: string, start: number, end: number): boolean {
  return end - start <= REDACTED.length && REDACTED.startsWith(text.slice(start, end))
}
