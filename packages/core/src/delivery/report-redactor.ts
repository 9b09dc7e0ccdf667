import type { Attributes, AttributeValue, Entity, EntityReference, Event, Gap, Metric } from '../connector/signals.ts'
import type { Logger } from '../logger.ts'
import { LIMITS, type Report, type ReportedEntity } from '../platform/protocol.ts'
import { createSecretReplacer, writtenForms } from '../redaction/secret-replacer.ts'

/** Depth of a log message's fields that is written. */
const MAX_FIELD_DEPTH = 8

/** Writes single signals as JSON, without secrets. */
export interface SignalWriter {
  entity(entity: ReportedEntity): string
  metrics(metrics: readonly Metric[]): string
  event(event: Event): string
  gap(gap: Gap): string
}

/** Removes secrets from everything that leaves the process. */
export interface Redactor {
  text(text: string): string
  /** Redacts another secret from now on. */
  add(secret: string): void
  /** Returns a report without secrets, the same object if it contains none. A valid report stays valid. */
  clean(report: Report): Report
  /** Does the same for the signals of a report that is written piece by piece. */
  readonly write: SignalWriter
  /** Returns a logger that writes no secrets and never throws. */
  logger(log: Logger): Logger
}

/** Shorter secrets, such as `root`, occur in names and ids by accident. */
const MIN_LENGTH_IN_NAMES = 8

/** A text that may be a word, such as `postgres`. */
const WORD = /^(?:[A-Z]?[a-z]{1,11}|[A-Z]{1,12})$/

/**
 * Returns true for a secret that occurs in names and ids by accident: of less than 8 characters, or a word. Redacted
 * there, one entity would become another.
 */
export function isGuessable(secret: string): boolean {
  return secret.length < MIN_LENGTH_IN_NAMES || WORD.test(secret)
}

/**
 * Creates a redactor for these secrets, also encoded and inside JSON. Keeps `declared` names of attributes, and
 * guessable secrets in names and ids.
 */
export function createRedactor(secrets: readonly string[], declared: Iterable<string> = []): Redactor {
  let known = compile(secrets)
  const text = (original: string): string => known.text(original)
  const names = new Set(declared)
  const identifier = (original: string): string => known.identifier(original)
  const attributeName = (name: string): string => (names.has(name) ? name : identifier(name).slice(0, LIMITS.name))
  const containsSecret = (json: string): boolean => known.inReports.some((form) => json.includes(form))
  const redacted = redactedSignals({ text, identifier, attributeName })
  const clean = (report: Report): Report => {
    if (!containsSecret(JSON.stringify(report))) return report
    const data = {
      entities: report.data.entities.map(redacted.entity),
      metrics: report.data.metrics.map(redacted.metric),
      events: report.data.events.map(redacted.event),
      gaps: report.data.gaps.map(redacted.gap),
    }
    return { ...report, data }
  }
  const writer =
    <Signal>(redact: (signal: Signal) => Signal) =>
    (signal: Signal): string => {
      const json = JSON.stringify(signal)
      return containsSecret(json) ? JSON.stringify(redact(signal)) : json
    }
  const metrics = (points: readonly Metric[]): string => JSON.stringify(points).slice(1, -1)
  return {
    text,
    add: (secret) => {
      if (!known.secrets.includes(secret)) known = compile([...known.secrets, secret])
    },
    clean,
    write: {
      entity: writer(redacted.entity),
      metrics: (points) => {
        const json = metrics(points)
        return containsSecret(json) ? metrics(points.map(redacted.metric)) : json
      },
      event: writer(redacted.event),
      gap: writer(redacted.gap),
    },
    logger: (log) => ({
      debug: redactedLevel(log.debug.bind(log), text, identifier),
      info: redactedLevel(log.info.bind(log), text, identifier),
      warn: redactedLevel(log.warn.bind(log), text, identifier),
      error: redactedLevel(log.error.bind(log), text, identifier),
    }),
  }
}

function compile(secrets: readonly string[]) {
  return {
    secrets,
    text: createSecretReplacer(secrets),
    identifier: createSecretReplacer(secrets.filter((secret) => !isGuessable(secret))),
    inReports: writtenForms(secrets).map((form) => JSON.stringify(form).slice(1, -1)),
  }
}

/** Redacts field by field, except for the types and names that the protocol or the catalog declares. */
function redactedSignals(redact: Record<'text' | 'identifier' | 'attributeName', (text: string) => string>) {
  // A placeholder may be longer than the secret.
  const within = (text: string, maxLength: number): string => redact.text(text).slice(0, maxLength)
  const identifier = (text: string, maxLength: number = LIMITS.identifier): string =>
    redact.identifier(text).slice(0, maxLength)
  const reference = ({ type, id }: EntityReference): EntityReference => ({ type, id: identifier(id) })
  const value = (original: AttributeValue): AttributeValue => {
    if (typeof original === 'string') return within(original, LIMITS.attribute)
    return typeof original === 'object' ? original.map((element) => within(element, LIMITS.element)) : original
  }
  const attributes = (original: Attributes): Attributes =>
    Object.fromEntries(Object.entries(original).map(([name, member]) => [redact.attributeName(name), value(member)]))
  const relations = (original: Entity['relations']): Entity['relations'] =>
    original.map(({ type, target }) => ({ type, target: reference(target) }))
  return {
    entity: (entity: ReportedEntity): ReportedEntity => ({
      ...entity,
      ...reference(entity),
      name: identifier(entity.name),
      attributes: attributes(entity.attributes),
      relations: relations(entity.relations),
    }),
    metric: (metric: Metric): Metric => ({
      ...metric,
      entity: reference(metric.entity),
      attributes: attributes(metric.attributes),
    }),
    event: (event: Event): Event => ({
      ...event,
      attributes: attributes(event.attributes),
      ...(event.id === undefined ? {} : { id: identifier(event.id, LIMITS.name) }),
      entity: reference(event.entity),
      body: within(event.body, LIMITS.body),
    }),
    gap: (gap: Gap): Gap => ({
      ...gap,
      scope: identifier(gap.scope),
      reason: within(gap.reason, LIMITS.reason),
    }),
  }
}

function redactedLevel(
  write: Logger['info'],
  redact: (text: string) => string,
  fieldName: (name: string) => string,
): Logger['info'] {
  return (fields, message) => {
    try {
      write(loggable(fields, redact, fieldName) as Readonly<Record<string, unknown>>, redact(String(message)))
    } catch {
      // A logger that fails must not interrupt the agent.
    }
  }
}

/** Copies a log message's fields without secrets: plain data of bounded depth, whatever a connector logs. */
function loggable(
  original: unknown,
  redact: (text: string) => string,
  fieldName: (name: string) => string,
  depth = 0,
): unknown {
  if (typeof original === 'string') return redact(original)
  if (typeof original !== 'object' || original === null) return original
  if (original instanceof Error) return redact(original.message)
  if (ArrayBuffer.isView(original)) return `[${original.byteLength} bytes]`
  if (depth >= MAX_FIELD_DEPTH) return '[too deep]'
  if (Array.isArray(original)) return original.map((element) => loggable(element, redact, fieldName, depth + 1))
  const { toJSON } = original as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') return loggable(toJSON.call(original), redact, fieldName, depth + 1)
  return Object.fromEntries(
    Object.entries(original).map(([key, member]) => [fieldName(key), loggable(member, redact, fieldName, depth + 1)]),
  )
}
