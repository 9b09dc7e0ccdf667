import type { Logger } from '../logger.ts'
import { LIMITS, type Report } from '../platform/protocol.ts'
import { textRedactor, writtenForms } from '../redact-text.ts'
import type { Attributes, AttributeValue, Entity, EntityReference } from '../signals.ts'

/** Deepest fields of a log message that are written out. */
const DEEPEST = 8

/** Takes secrets out of whatever leaves the process. */
export interface Redactor {
  text(text: string): string
  /** A report as JSON, without secrets. What was a valid report stays one, whatever the secrets are. */
  report(report: Report): string
  /** A logger that writes no secret, and that never throws. */
  logger(log: Logger): Logger
}

/** A redactor for these secrets, also where they stand percent-encoded or inside JSON. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const text = textRedactor(secrets)
  const inReports = writtenForms(secrets).map((form) => JSON.stringify(form).slice(1, -1))
  return {
    text,
    report: (report) => {
      const json = JSON.stringify(report)
      if (!inReports.some((form) => json.includes(form))) return json
      return JSON.stringify({ ...report, data: redactedData(report.data, text) })
    },
    logger: (log) => ({
      debug: redactedLevel(log.debug.bind(log), text),
      info: redactedLevel(log.info.bind(log), text),
      warn: redactedLevel(log.warn.bind(log), text),
      error: redactedLevel(log.error.bind(log), text),
    }),
  }
}

/** Field by field: the words of the protocol stay, and so do numbers, times and the catalog's units. */
function redactedData(data: Report['data'], redact: (text: string) => string): Report['data'] {
  // What stands in a secret's place may be longer than it.
  const within = (text: string, longest: number): string => redact(text).slice(0, longest)
  const reference = ({ type, id }: EntityReference): EntityReference => ({
    type: within(type, LIMITS.name),
    id: within(id, LIMITS.identifier),
  })
  const value = (original: AttributeValue): AttributeValue => {
    if (typeof original === 'string') return within(original, LIMITS.attribute)
    return typeof original === 'object' ? original.map((element) => within(element, LIMITS.element)) : original
  }
  const attributes = (original: Attributes): Attributes =>
    Object.fromEntries(Object.entries(original).map(([name, member]) => [within(name, LIMITS.name), value(member)]))
  const relations = (original: Entity['relations']): Entity['relations'] =>
    original.map(({ type, target }) => ({ type: within(type, LIMITS.name), target: reference(target) }))
  const described = <Kind extends { readonly name: string; readonly attributes: Attributes }>(
    original: Kind,
  ): Kind => ({
    ...original,
    name: within(original.name, LIMITS.name),
    attributes: attributes(original.attributes),
  })
  return {
    entities: data.entities.map((entity) => ({
      ...entity,
      ...reference(entity),
      name: within(entity.name, LIMITS.identifier),
      attributes: attributes(entity.attributes),
      relations: relations(entity.relations),
    })),
    metrics: data.metrics.map((metric) => ({ ...described(metric), entity: reference(metric.entity) })),
    events: data.events.map((event) => ({
      ...described(event),
      ...(event.id === undefined ? {} : { id: within(event.id, LIMITS.name) }),
      entity: reference(event.entity),
      body: within(event.body, LIMITS.body),
    })),
    gaps: data.gaps.map((gap) => ({
      ...gap,
      scope: within(gap.scope, LIMITS.identifier),
      reason: within(gap.reason, LIMITS.reason),
    })),
  }
}

function redactedLevel(write: Logger['info'], redact: (text: string) => string): Logger['info'] {
  return (fields, message) => {
    try {
      write(loggable(fields, redact) as Readonly<Record<string, unknown>>, redact(String(message)))
    } catch {
      // A logger that fails must not stop what it tells of.
    }
  }
}

/** A copy of a log message's fields without secrets: plain data of bounded depth, whatever a connector logs. */
function loggable(original: unknown, redact: (text: string) => string, depth = 0): unknown {
  if (typeof original === 'string') return redact(original)
  if (typeof original !== 'object' || original === null) return original
  if (original instanceof Error) return redact(original.message)
  if (ArrayBuffer.isView(original)) return `[${original.byteLength} bytes]`
  if (depth >= DEEPEST) return '[too deep]'
  if (Array.isArray(original)) return original.map((element) => loggable(element, redact, depth + 1))
  const { toJSON } = original as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') return loggable(toJSON.call(original), redact, depth + 1)
  return Object.fromEntries(
    Object.entries(original).map(([key, member]) => [redact(key), loggable(member, redact, depth + 1)]),
  )
}
