import type { Logger } from '../logger.ts'
import type { Report } from '../platform/protocol.ts'

/** What stands where a secret was. */
const REDACTED = '[redacted]'

/** Fields of signals that are words of the protocol, never something a collector read. */
const PROTOCOL_FIELDS = new Set(['unit', 'kind', 'severity', 'at', 'since'])

/** Takes secrets out of whatever leaves the process. */
export interface Redactor {
  text(text: string): string
  /** A report as JSON, without secrets. */
  report(report: Report): string
  logger(log: Logger): Logger
}

/** A redactor for these secrets, also where they stand percent-encoded. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = [
    ...new Set(secrets.filter((secret) => secret !== '').flatMap((secret) => [secret, encodeURIComponent(secret)])),
  ]
  // The longest first: a secret may contain another.
  forms.sort((left, right) => right.length - left.length)
  const escaped = forms.map((form) => JSON.stringify(form).slice(1, -1))

  const text = (original: string): string => forms.reduce((result, form) => result.replaceAll(form, REDACTED), original)
  const value = (original: unknown): unknown => {
    if (typeof original === 'string') return text(original)
    if (Array.isArray(original)) return original.map(value)
    if (typeof original !== 'object' || original === null) return original
    if (original instanceof Error) return text(original.message)
    return Object.fromEntries(
      Object.entries(original).map(([key, member]) => [text(key), PROTOCOL_FIELDS.has(key) ? member : value(member)]),
    )
  }
  const level =
    (write: Logger['info']): Logger['info'] =>
    (fields, message) =>
      write(value(fields) as Readonly<Record<string, unknown>>, text(message))

  return {
    text,
    report: (report) => {
      const json = JSON.stringify(report)
      if (!escaped.some((form) => json.includes(form))) return json
      const data = Object.fromEntries(Object.entries(report.data).map(([list, members]) => [list, members.map(value)]))
      return JSON.stringify({ ...report, data })
    },
    logger: (log) => ({
      debug: level(log.debug.bind(log)),
      info: level(log.info.bind(log)),
      warn: level(log.warn.bind(log)),
      error: level(log.error.bind(log)),
    }),
  }
}
