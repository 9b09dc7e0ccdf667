import { LIMITS } from '../platform/protocol.ts'
import type { SignalCatalog } from '../signal-catalog.ts'
import type { Attributes, Entity, Event, Gap, Metric, Severity, Signals } from '../signals.ts'

/** What is left of a collector's signals, and what was wrong with the rest. */
export interface CheckedSignals {
  readonly entities: readonly Entity[]
  readonly metrics: readonly Metric[]
  readonly events: readonly Event[]
  readonly gaps: readonly (Omit<Gap, 'since'> & { readonly since?: string })[]
  /** One sentence each, no two the same. */
  readonly problems: readonly string[]
}

type Unknown<Shape> = { readonly [Key in keyof Shape]?: unknown }

const SEVERITIES: ReadonlySet<unknown> = new Set<Severity>(['info', 'warning', 'error', 'critical'])
const LISTS = new Set(['entities', 'metrics', 'events', 'gaps'])

/**
 * A check of what a connector says against what it declared. Written by hand and not as a schema, since it runs over
 * every point of every round. What does not pass is left out and named: it would be refused by the platform, together with all that is right.
 */
export function createSignalCheck(catalog: SignalCatalog): (signals: Signals) => CheckedSignals {
  const declared = Object.values(catalog)
  const metrics = new Map(
    declared.flatMap((entry) => (entry.signal === 'metric' ? [[entry.name as unknown, entry] as const] : [])),
  )
  const entities = new Set<unknown>(declared.flatMap((entry) => (entry.signal === 'entity' ? [entry.type] : [])))
  const events = new Set<unknown>(declared.flatMap((entry) => (entry.signal === 'event' ? [entry.name] : [])))

  const metricProblem = (metric: Unknown<Metric>): string | undefined => {
    const declaration = metrics.get(metric.name)
    if (declaration === undefined) return `the metric ${shown(metric.name)} is not declared in \`signals\``
    if (metric.unit !== declaration.unit || metric.kind !== declaration.kind)
      return `the metric \`${declaration.name}\` has another unit or kind than declared`
    if (typeof metric.value !== 'number' || !Number.isFinite(metric.value))
      return `the metric \`${declaration.name}\` has a value that is no finite number`
    const problem = referenceProblem(metric.entity) ?? attributesProblem(metric.attributes)
    return problem === undefined ? undefined : `the metric \`${declaration.name}\` ${problem}`
  }
  const entityProblem = (entity: Unknown<Entity>): string | undefined => {
    if (!entities.has(entity.type)) return `the entity type ${shown(entity.type)} is not declared in \`signals\``
    const problem =
      referenceProblem(entity) ??
      nameProblem(entity.name) ??
      attributesProblem(entity.attributes) ??
      relationsProblem(entity.relations)
    return problem === undefined ? undefined : `an entity of type \`${String(entity.type)}\` ${problem}`
  }
  const eventProblem = (event: Unknown<Event>): string | undefined => {
    if (!events.has(event.name)) return `the event ${shown(event.name)} is not declared in \`signals\``
    const problem = occurrenceProblem(event) ?? referenceProblem(event.entity) ?? attributesProblem(event.attributes)
    return problem === undefined ? undefined : `the event \`${String(event.name)}\` ${problem}`
  }

  return (signals) => {
    const problems = new Set<string>()
    if (typeof signals !== 'object' || signals === null || Array.isArray(signals)) {
      problems.add(
        `it returned ${signals === null ? 'null' : Array.isArray(signals) ? 'an array' : typeof signals} instead of signals`,
      )
      return { entities: [], metrics: [], events: [], gaps: [], problems: [...problems] }
    }
    for (const key of Object.keys(signals))
      if (!LISTS.has(key))
        problems.add(`it returned the unknown field ${shown(key)} (known: entities, metrics, events, gaps)`)

    const keep = <Kind>(name: keyof Signals, problemOf: (element: Unknown<Kind>) => string | undefined): Kind[] => {
      const list: unknown = signals[name] ?? []
      if (!Array.isArray(list)) {
        problems.add(`\`${name}\` is no list`)
        return []
      }
      return list.filter((element: unknown): element is Kind => {
        if (element === undefined) return false
        const problem =
          typeof element === 'object' && element !== null
            ? problemOf(element)
            : `\`${name}\` contains something that is no object`
        if (problem !== undefined) problems.add(problem)
        return problem === undefined
      })
    }
    return {
      entities: keep<Entity>('entities', entityProblem),
      metrics: keep<Metric>('metrics', metricProblem),
      events: keep<Event>('events', eventProblem).map(shortened),
      gaps: keep<Gap>('gaps', gapProblem),
      problems: [...problems],
    }
  }
}

function referenceProblem(reference: unknown): string | undefined {
  if (typeof reference !== 'object' || reference === null) return 'has no entity'
  const { type, id } = reference as Unknown<Entity>
  if (typeof type !== 'string' || type === '' || type.length > LIMITS.name)
    return 'points at an entity without a proper type'
  if (typeof id !== 'string' || id === '' || id.length > LIMITS.identifier)
    return `points at an entity of type \`${type}\` whose id is empty, too long or no text`
  return undefined
}

function attributesProblem(attributes: unknown): string | undefined {
  if (typeof attributes !== 'object' || attributes === null) return 'has no attributes'
  for (const name in attributes) {
    const value = (attributes as Attributes)[name]
    const fits =
      typeof value === 'string'
        ? value.length <= LIMITS.attribute
        : typeof value === 'number'
          ? Number.isFinite(value)
          : typeof value === 'boolean' ||
            (Array.isArray(value) &&
              value.length <= LIMITS.elements &&
              value.every((element) => typeof element === 'string' && element.length <= LIMITS.element))
    if (!fits || name === '' || name.length > LIMITS.name)
      return `has an attribute ${shown(name)} that is no text, finite number, boolean or list of texts, or is too long`
  }
  return undefined
}

function nameProblem(name: unknown): string | undefined {
  return typeof name === 'string' && name.length <= LIMITS.identifier
    ? undefined
    : 'has no name or one that is too long'
}

function relationsProblem(relations: unknown): string | undefined {
  if (!Array.isArray(relations)) return 'has no list of relations'
  for (const relation of relations as { type?: unknown; target?: unknown }[]) {
    if (typeof relation?.type !== 'string' || relation.type === '' || relation.type.length > LIMITS.name)
      return 'has a relation without a proper type'
    const problem = referenceProblem(relation.target)
    if (problem !== undefined) return `has a relation \`${relation.type}\` that ${problem}`
  }
  return undefined
}

function occurrenceProblem(event: Unknown<Event>): string | undefined {
  if (!isTimestamp(event.at)) return 'has an `at` that is no ISO 8601 time in UTC'
  if (!SEVERITIES.has(event.severity)) return `has the unknown severity ${shown(event.severity)}`
  if (typeof event.body !== 'string') return 'has no body'
  if (event.id !== undefined && (typeof event.id !== 'string' || event.id === '' || event.id.length > LIMITS.name))
    return 'has an id that is empty, too long or no text'
  return undefined
}

function gapProblem(gap: Unknown<Gap>): string | undefined {
  if (typeof gap.scope !== 'string' || gap.scope === '' || gap.scope.length > LIMITS.identifier)
    return 'a gap has no proper scope'
  if (typeof gap.reason !== 'string' || gap.reason.length > LIMITS.reason)
    return `the gap \`${gap.scope}\` has no reason or one that is too long`
  if (gap.since !== undefined && !isTimestamp(gap.since))
    return `the gap \`${gap.scope}\` has a \`since\` that is no ISO 8601 time in UTC`
  return undefined
}

function isTimestamp(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length <= 30 &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
}

function shortened(event: Event): Event {
  return event.body.length <= LIMITS.body ? event : { ...event, body: `${event.body.slice(0, LIMITS.body - 1)}…` }
}

function shown(value: unknown): string {
  return `\`${String(value).slice(0, 100)}\``
}
