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

/** Shorter secrets occur in the names of a log message's fields by accident. */
const MIN_LENGTH_IN_NAMES = 6

/** Creates a redactor for these secrets, also percent-encoded and inside JSON. Keeps `declared` names of attributes. */
export function createRedactor(secrets: readonly string[], declared: Iterable<string> = []): Redactor {
  let known = compile(secrets)
  const text = (original: string): string => known.text(original)
  const names = new Set(declared)
  const attributeName = (name: string): string => (names.has(name) ? name : text(name).slice(0, LIMITS.name))
  const fieldName = (original: string): string => known.fieldName(original)
  const containsSecret = (json: string): boolean => known.inReports.some((form) => json.includes(form))
  const redacted = redactedSignals(text, attributeName)
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
      debug: redactedLevel(log.debug.bind(log), text, fieldName),
      info: redactedLevel(log.info.bind(log), text, fieldName),
      warn: redactedLevel(log.warn.bind(log), text, fieldName),
      error: redactedLevel(log.error.bind(log), text, fieldName),
    }),
  }
}

function compile(secrets: readonly string[]) {
  return {
    secrets,
    text: createSecretReplacer(secrets),
    fieldName: createSecretReplacer(secrets.filter((secret) => secret.length >= MIN_LENGTH_IN_NAMES)),
    inReports: writtenForms(secrets).map((form) => JSON.stringify(form).slice(1, -1)),
  }
}

/** Redacts field by field, except for the types and names that the protocol or the catalog declares. */
function redactedSignals(redact: (text: string) => string, attributeName: (name: string) => string) {
  // A placeholder may be longer than the secret.
  const within = (text: string, maxLength: number): string => redact(text).slice(0, maxLength)
  const reference = ({ type, id }: EntityReference): EntityReference => ({ type, id: within(id, LIMITS.identifier) })
  const value = (original: AttributeValue): AttributeValue => {
    if (typeof original === 'string') return within(original, LIMITS.attribute)
    return typeof original === 'object' ? original.map((element) => within(element, LIMITS.element)) : original
  }
  const attributes = (original: Attributes): Attributes =>
    Object.fromEntries(Object.entries(original).map(([name, member]) => [attributeName(name), value(member)]))
  const relations = (original: Entity['relations']): Entity['relations'] =>
    original.map(({ type, target }) => ({ type, target: reference(target) }))
  return {
    entity: (entity: ReportedEntity): ReportedEntity => ({
      ...entity,
      ...reference(entity),
      name: within(entity.name, LIMITS.identifier),
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
      ...(event.id === undefined ? {} : { id: within(event.id, LIMITS.name) }),
      entity: reference(event.entity),
      body: within(event.body, LIMITS.body),
    }),
    gap: (gap: Gap): Gap => ({
      ...gap,
      scope: within(gap.scope, LIMITS.identifier),
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
