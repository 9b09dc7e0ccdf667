import type { SignalCatalog } from '../../connector/signal-catalog.ts'
import type { Entity, Event, Gap, Metric, Signals } from '../../connector/signals.ts'
import { type InterruptibleTask, runToEnd } from '../../event-loop.ts'
import { LIMITS } from '../../platform/protocol.ts'
import { declarationsOf } from './declared-signals.ts'
import { type CheckedList, keepEntities, NO_LIST } from './entity-cache.ts'
import { createProblems } from './problems.ts'
import {
  attributesProblem,
  gapProblem,
  nameProblem,
  occurrenceProblem,
  referenceProblem,
  relationsProblem,
  shown,
  type Unknown,
} from './rules.ts'
import { cut, plainEntity, plainEvent, plainGap, plainMetrics } from './sanitize.ts'

/** What is left of a collector's signals, and what was wrong with the rest. */
export interface CheckedSignals {
  readonly entities: readonly Entity[]
  readonly metrics: readonly Metric[]
  readonly events: readonly Event[]
  readonly gaps: readonly (Omit<Gap, 'since'> & { readonly since?: string })[]
  /** One sentence each, no two the same. */
  readonly problems: readonly string[]
}

const LISTS = new Set(['entities', 'metrics', 'events', 'gaps'])

/** How one kind of signal is checked. */
interface Kind<Signal> {
  /** Copies the known fields, each read once. */
  readonly plain: (element: Unknown<Signal>) => Unknown<Signal>
  readonly problemOf: (copy: Unknown<Signal>) => string | undefined
}

/** Checks what a connector says. */
export interface SignalCheck {
  /** All at once: for what a watcher says. */
  (signals: Signals): CheckedSignals
  /** The same, one signal a step: for what one collector says, again and again. Its list of entities is the one from before where it holds the same objects. */
  repeatedly(): (signals: Signals) => InterruptibleTask<never, CheckedSignals>
  /** Points that are told while others are still being read. */
  points(points: readonly unknown[]): CheckedPoints
}

/** What is left of points, and what was wrong with the rest. */
export type CheckedPoints = Pick<CheckedSignals, 'metrics' | 'problems'>

/**
 * A check of what a connector says against what it declared. Written by hand and not as a schema, since it runs over
 * every point of every round. What does not pass is left out and named: it would be refused by the platform, together with all that is right.
 *
 * An entity object that was checked before is taken as unchanged: its copy is the same as before.
 *
 * @param redact takes secrets out of texts before they are cut: half a secret is one too
 */
export function createSignalCheck(
  catalog: SignalCatalog,
  redact: (text: string) => string = (text) => text,
): SignalCheck {
  const { entities, metrics, events } = kindsOf(catalog, redact)
  const gaps: Kind<Gap> = { plain: plainGap, problemOf: gapProblem }
  const known = new WeakMap<object, Entity>()

  function* steps(
    signals: Signals,
    last: CheckedList,
    onList?: (list: CheckedList) => void,
  ): InterruptibleTask<never, CheckedSignals> {
    const { report, all } = createProblems()
    const lists = listsOf(signals, report, redact)
    const list = yield* keepEntities(lists.entities ?? [], last, known, (element) =>
      checked('entities', element, entities, report),
    )
    const kept = {
      metrics: yield* keep('metrics', lists, metrics, report),
      events: yield* keep('events', lists, events, report),
      gaps: yield* keep('gaps', lists, gaps, report),
    }
    onList?.(list)
    return {
      entities: list.kept,
      metrics: kept.metrics,
      events: kept.events.map((event) => ({ ...event, body: cut(event.body, LIMITS.body, redact) })),
      gaps: kept.gaps.map((gap) => ({ ...gap, reason: cut(gap.reason, LIMITS.reason, redact) })),
      problems: all(),
    }
  }
  const repeatedly = () => {
    let last = NO_LIST
    return (signals: Signals) =>
      steps(signals, last, (list) => {
        last = list
      })
  }
  const points = (told: readonly unknown[]): CheckedPoints => {
    const { report, all } = createProblems()
    return { metrics: runToEnd(keep('metrics', { metrics: told }, metrics, report)), problems: all() }
  }
  return Object.assign((signals: Signals) => runToEnd(steps(signals, NO_LIST)), { repeatedly, points })
}

/** What passes of one list. */
function* keep<Signal>(
  name: keyof Signals,
  lists: Partial<Record<string, readonly unknown[]>>,
  kind: Kind<Signal>,
  report: (problem: string) => void,
): InterruptibleTask<never, Signal[]> {
  const kept: Signal[] = []
  for (const element of lists[name] ?? []) {
    const copy = checked(name, element, kind, report)
    if (copy !== undefined) kept.push(copy)
    yield
  }
  return kept
}

/** The lists of an answer that are lists. */
function listsOf(
  signals: unknown,
  report: (problem: string) => void,
  redact: (text: string) => string,
): Partial<Record<string, readonly unknown[]>> {
  if (typeof signals !== 'object' || signals === null || Array.isArray(signals)) {
    const what = signals === null ? 'null' : Array.isArray(signals) ? 'an array' : typeof signals
    report(`it returned ${what} instead of signals`)
    return {}
  }
  const lists: Partial<Record<string, readonly unknown[]>> = {}
  for (const [name, list] of entriesOf(signals, report)) {
    if (!LISTS.has(name))
      report(`it returned the unknown field ${shown(name, redact)} (known: entities, metrics, events, gaps)`)
    // A list of its own: the connector may change the one that it keeps while this one is gone through.
    else if (Array.isArray(list)) lists[name] = [...(list as readonly unknown[])]
    else if (list !== undefined && list !== null) report(`\`${name}\` is no list`)
  }
  return lists
}

function entriesOf(signals: object, report: (problem: string) => void): [string, unknown][] {
  try {
    return Object.entries(signals)
  } catch {
    report('it returned something that cannot be read')
    return []
  }
}

function checked<Signal>(
  list: string,
  element: unknown,
  { plain, problemOf }: Kind<Signal>,
  report: (problem: string) => void,
): Signal | undefined {
  if (element === undefined) return undefined
  if (typeof element !== 'object' || element === null) {
    report(`\`${list}\` contains something that is no object`)
    return undefined
  }
  let copy: Unknown<Signal>
  try {
    copy = plain(element)
  } catch {
    report(`\`${list}\` contains something that cannot be read`)
    return undefined
  }
  const problem = problemOf(copy)
  if (problem === undefined) return copy as Signal
  report(problem)
  return undefined
}

function kindsOf(
  catalog: SignalCatalog,
  redact: (text: string) => string,
): { readonly entities: Kind<Entity>; readonly metrics: Kind<Metric>; readonly events: Kind<Event> } {
  const { metrics, entities, events } = declarationsOf(catalog)

  const metricProblem = (metric: Unknown<Metric>): string | undefined => {
    const declaration = metrics.get(metric.name)
    if (declaration === undefined) return `the metric ${shown(metric.name, redact)} is not declared in \`signals\``
    if (metric.unit !== declaration.unit || metric.kind !== declaration.kind)
      return `the metric \`${declaration.name}\` has another unit or kind than declared`
    if (typeof metric.value !== 'number' || !Number.isFinite(metric.value))
      return `the metric \`${declaration.name}\` has a value that is no finite number`
    const problem =
      referenceProblem(metric.entity) ?? attributesProblem(metric.attributes, declaration.isAttribute, redact)
    return problem === undefined ? undefined : `the metric \`${declaration.name}\` ${problem}`
  }
  const entityProblem = (entity: Unknown<Entity>): string | undefined => {
    const declaration = entities.get(entity.type)
    if (declaration === undefined) return `the entity type ${shown(entity.type, redact)} is not declared in \`signals\``
    const problem =
      referenceProblem(entity) ??
      nameProblem(entity.name) ??
      attributesProblem(entity.attributes, declaration.isAttribute, redact) ??
      relationsProblem(entity.relations, declaration.isRelation, redact)
    return problem === undefined ? undefined : `an entity of type \`${String(entity.type)}\` ${problem}`
  }
  const eventProblem = (event: Unknown<Event>): string | undefined => {
    const declaration = events.get(event.name)
    if (declaration === undefined) return `the event ${shown(event.name, redact)} is not declared in \`signals\``
    const problem =
      occurrenceProblem(event, redact) ??
      referenceProblem(event.entity) ??
      attributesProblem(event.attributes, declaration.isAttribute, redact)
    return problem === undefined ? undefined : `the event \`${String(event.name)}\` ${problem}`
  }
  return {
    entities: { plain: (entity) => plainEntity(entity, redact), problemOf: entityProblem },
    metrics: { plain: plainMetrics(redact), problemOf: metricProblem },
    events: { plain: (event) => plainEvent(event, redact), problemOf: eventProblem },
  }
}
