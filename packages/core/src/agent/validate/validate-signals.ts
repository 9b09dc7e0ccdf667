import type { SignalCatalog } from '../../connector/signal-catalog.ts'
import type { Entity, Event, Gap, Metric, Signals, UnreadEntities } from '../../connector/signals.ts'
import { type InterruptibleTask, runToEnd } from '../../event-loop.ts'
import { LIMITS } from '../../platform/protocol.ts'
import { declaredSignals } from './declared-signals.ts'
import { NO_ENTITIES, type ValidatedEntities, validateEntities } from './entity-cache.ts'
import { createProblems, type PointProblem, type Problems } from './problems.ts'
import {
  attributesProblem,
  eventProblem,
  gapProblem,
  nameProblem,
  pointTimeProblem,
  quote,
  referenceProblem,
  relationsProblem,
  sizeProblem,
  type Unvalidated,
} from './rules.ts'
import { createMetricSanitizer, sanitizeEntity, sanitizeEvent, sanitizeGap, truncate } from './sanitize.ts'

/** The valid signals of a connector, and the problems of those that were left out. */
export interface ValidatedSignals {
  readonly entities: readonly Entity[]
  readonly metrics: readonly Metric[]
  readonly events: readonly Event[]
  readonly gaps: readonly (Omit<Gap, 'since' | 'until'> & { readonly since?: string })[]
  readonly unread: readonly UnreadEntities[]
  /** Distinct, one sentence each. */
  readonly problems: readonly string[]
}

/** The lists of a result that are lists, not yet validated. */
type UnvalidatedLists = Partial<Record<keyof Signals, readonly unknown[]>>

const LIST_NAMES = new Set<string>(['entities', 'metrics', 'events', 'gaps', 'unread'] satisfies (keyof Signals)[])

export type SignalValidator = ReturnType<typeof createSignalValidator>

/** Validation of one kind of signal. */
interface Kind<Signal> {
  /** Copies the known fields, each read once. */
  readonly sanitize: (
    element: Unvalidated<Signal>,
    onCut: (name: unknown, attributes: number) => void,
  ) => Unvalidated<Signal>
  readonly problemOf: (copy: Unvalidated<Signal>) => string | PointProblem | undefined
  readonly redact: (text: string) => string
}

/**
 * Creates a validator against a connector's catalog. Leaves out an invalid signal and names its problem: the platform
 * would refuse the whole report. Written by hand, not as a schema, since it runs over every point of every cycle.
 * Treats an entity object that it validated before as unchanged and returns the same copy.
 */
export function createSignalValidator(
  catalog: SignalCatalog,
  redact: (text: string) => string = (text) => text,
  now: () => Date = () => new Date(),
) {
  const kinds = kindsOf(catalog, redact, now)
  const cache = new WeakMap<object, Entity>()

  function* validateAll(
    signals: Signals,
    previous: ValidatedEntities,
    onEntities?: (entities: ValidatedEntities) => void,
  ): InterruptibleTask<never, ValidatedSignals> {
    const problems = createProblems(redact)
    const lists = listsOf(signals, problems, redact)
    const entities = yield* validateEntities(lists.entities ?? [], previous, cache, (element) =>
      validated('entities', element, kinds.entities, problems),
    )
    const metrics = yield* validateList('metrics', lists.metrics, kinds.metrics, problems)
    const events = yield* validateList('events', lists.events, kinds.events, problems)
    const gaps = yield* validateList('gaps', lists.gaps, kinds.gaps, problems)
    const unread = yield* validateList('unread', lists.unread, kinds.unread, problems)
    onEntities?.(entities)
    return {
      entities: entities.valid,
      metrics,
      events,
      gaps: gaps.map((gap) => ({ ...gap, reason: truncate(gap.reason, LIMITS.reason, redact) })),
      unread,
      problems: problems.all(),
    }
  }
  return {
    /** Validates without yielding to the event loop: for a watcher's signals. */
    validate: (signals: Signals) => runToEnd(validateAll(signals, NO_ENTITIES)),
    /** Returns an interruptible validation for one collector's results, which reuses the list of unchanged entities. */
    forCollector: () => {
      let previous = NO_ENTITIES
      return (signals: Signals) =>
        validateAll(signals, previous, (entities) => {
          previous = entities
        })
    },
    validateMetrics: (points: readonly unknown[], problems: Problems): Metric[] =>
      runToEnd(validateList('metrics', points, kinds.metrics, problems)),
    lists: (signals: unknown, problems: Problems) => listsOf(signals, problems, redact),
    problems: () => createProblems(redact),
  }
}

function* validateList<Signal>(
  name: keyof Signals,
  list: readonly unknown[] = [],
  kind: Kind<Signal>,
  problems: Problems,
): InterruptibleTask<never, Signal[]> {
  const valid: Signal[] = []
  for (const element of list) {
    const copy = validated(name, element, kind, problems)
    if (copy !== undefined) valid.push(copy)
    yield
  }
  return valid
}

function listsOf(signals: unknown, problems: Problems, redact: (text: string) => string): UnvalidatedLists {
  if (typeof signals !== 'object' || signals === null || Array.isArray(signals)) {
    const what = signals === null ? 'null' : Array.isArray(signals) ? 'an array' : typeof signals
    problems.add(`it returned ${what} instead of signals`)
    return {}
  }
  const lists: Partial<Record<string, readonly unknown[]>> = {}
  for (const [name, list] of entriesOf(signals, problems)) {
    if (!LIST_NAMES.has(name))
      problems.add(
        `it returned the unknown field ${quote(name, redact)} (known: entities, metrics, events, gaps, unread)`,
      )
    // Copied: the connector may change its own list while this one is validated.
    else if (Array.isArray(list)) lists[name] = [...(list as readonly unknown[])]
    else if (list !== undefined && list !== null) problems.add(`\`${name}\` must be a list`)
  }
  return lists
}

function entriesOf(signals: object, problems: Problems): [string, unknown][] {
  try {
    return Object.entries(signals)
  } catch {
    problems.add('it returned something that cannot be read')
    return []
  }
}

function validated<Signal>(
  list: string,
  element: unknown,
  { sanitize, problemOf, redact }: Kind<Signal>,
  problems: Problems,
): Signal | undefined {
  if (element === undefined) return undefined
  if (typeof element !== 'object' || element === null) {
    problems.add(`\`${list}\` contains something that is not an object`)
    return undefined
  }
  let copy: Unvalidated<Signal>
  try {
    copy = sanitize(element, (name, count) =>
      problems.add(
        `${quote(name, redact)} has ${count} attributes: only the first ${LIMITS.attributes} fit into a report`,
      ),
    )
  } catch {
    problems.add(`\`${list}\` contains something that cannot be read`)
    return undefined
  }
  const problem = problemOf(copy) ?? sizeProblem(copy, list)
  if (problem === undefined) return copy as Signal
  problems.add(problem)
  return undefined
}

function kindsOf(catalog: SignalCatalog, redact: (text: string) => string, now: () => Date) {
  const declared = declaredSignals(catalog)

  const problemOfMetric = (metric: Unvalidated<Metric>): string | PointProblem | undefined => {
    const declaration = declared.metrics.get(metric.name)
    if (declaration === undefined) return `the metric ${quote(metric.name, redact)} is not declared in \`signals\``
    if (metric.unit !== declaration.unit || metric.kind !== declaration.kind)
      return `the metric \`${declaration.name}\` has another unit or kind than declared`
    if (typeof metric.value !== 'number' || !Number.isFinite(metric.value))
      return {
        text: `the metric \`${declaration.name}\` has a value that is not a finite number`,
        entity: metric.entity,
      }
    if (metric.kind === 'counter' && metric.value < 0)
      return { text: `the metric \`${declaration.name}\` is a counter with a negative value`, entity: metric.entity }
    const problem =
      (metric.at === undefined ? undefined : pointTimeProblem(metric.at, now().getTime())) ??
      referenceProblem(metric.entity) ??
      attributesProblem(metric.attributes, declaration.isAttribute, redact)
    return problem === undefined ? undefined : `the metric \`${declaration.name}\` ${problem}`
  }
  const problemOfEntity = (entity: Unvalidated<Entity>): string | undefined => {
    const declaration = declared.entities.get(entity.type)
    if (declaration === undefined) return `the entity type ${quote(entity.type, redact)} is not declared in \`signals\``
    const problem =
      referenceProblem(entity) ??
      nameProblem(entity.name) ??
      attributesProblem(entity.attributes, declaration.isAttribute, redact) ??
      relationsProblem(entity.relations, declaration.isRelation, redact)
    return problem === undefined ? undefined : `an entity of type \`${String(entity.type)}\` ${problem}`
  }
  const problemOfEvent = (event: Unvalidated<Event>): string | undefined => {
    const declaration = declared.events.get(event.name)
    if (declaration === undefined) return `the event ${quote(event.name, redact)} is not declared in \`signals\``
    const problem =
      eventProblem(event, redact) ??
      referenceProblem(event.entity) ??
      attributesProblem(event.attributes, declaration.isAttribute, redact)
    return problem === undefined ? undefined : `the event \`${String(event.name)}\` ${problem}`
  }
  return {
    entities: {
      sanitize: (entity, onCut) => sanitizeEntity(entity, redact, onCut),
      problemOf: problemOfEntity,
      redact,
    } satisfies Kind<Entity>,
    metrics: { sanitize: createMetricSanitizer(redact), problemOf: problemOfMetric, redact } satisfies Kind<Metric>,
    events: {
      sanitize: (event, onCut) => sanitizeEvent(event, redact, onCut),
      problemOf: problemOfEvent,
      redact,
    } satisfies Kind<Event>,
    unread: {
      sanitize: ({ type, id }) => (id === undefined ? { type } : { type, id }),
      problemOf: ({ type, id }) => {
        if (!declared.entities.has(type)) return `\`unread\` has the undeclared entity type ${quote(type, redact)}`
        return id === undefined || typeof id === 'string' ? undefined : '`unread` has an id that is not a string'
      },
      redact,
    } satisfies Kind<UnreadEntities>,
    gaps: { sanitize: sanitizeGap, problemOf: gapProblem, redact } satisfies Kind<Gap>,
  }
}
