import type { Event, Metric } from '@rca/core/connector'
import { createEntityTracker, entityKey } from '@rca/core/testing'
import type { Fault } from '../scenario.ts'
import { type CollectorRecord, openSession, type Round } from '../session.ts'
import type { CheckDefinition, Findings, Subject } from '../subject.ts'

/** A round while a fault lasts, the one before it, and the one after it. */
interface FaultyRound {
  readonly fault: string
  readonly before: Round
  readonly during: Round
  readonly after: Round
  /** Keys of the events of all rounds before it that had no fault. */
  readonly knownEvents: ReadonlySet<string>
}

/** Checks that a failure is never mistaken for a change. */
export const faultChecks: readonly CheckDefinition[] = [
  {
    id: 'COL-partial',
    title: 'keeps the entities of a part that it could not read',
    reason: 'An entity that a report lacks is deleted on the platform: a refused request would look like an outage.',
    severity: 'error',
    remedy: 'Return the part in `unread`, such as `unread: [{ type: "acme.region", id: "eu" }]`, or throw.',
    find: (subject) => inFaults(subject, deletedEntities),
  },
  {
    id: 'COL-fault',
    title: 'answers each fault with an error or a gap, and reports no zero for it',
    reason: 'A zero or a missing value without a gap looks like a healthy, idle system in the middle of an incident.',
    severity: 'error',
    remedy: 'Throw, or leave the value out and report a gap. Never catch an error to return a default.',
    find: (subject) => inFaults(subject, hiddenFault),
  },
  {
    id: 'COL-remember',
    title: 'reports no change after a fault in which nothing has changed',
    reason: 'Changes are the first suspects in an incident: the end of an outage is none, and a counter goes on.',
    severity: 'error',
    remedy: 'Call `swapState` after everything was read, and throw before: core discards the reading of a failed run.',
    find: (subject) => inFaults(subject, inventedChanges),
  },
]

/** The rounds of a subject's scenarios, run once for both checks. */
const rounds = new WeakMap<Subject, Promise<readonly ScenarioFaults[]>>()

interface ScenarioFaults {
  readonly name: string
  readonly rounds: readonly FaultyRound[]
}

async function inFaults(subject: Subject, find: (round: FaultyRound) => string[]): Promise<Findings> {
  const running = rounds.get(subject) ?? runFaults(subject)
  rounds.set(subject, running)
  const all = await running
  if (all.length === 0) return { skipped: 'it needs `faults` of a scenario' }
  return all.flatMap(({ name, rounds: faulty }) => faulty.flatMap(find).map((finding) => `${name}: ${finding}`))
}

async function runFaults({ inScenarios }: Subject): Promise<readonly ScenarioFaults[]> {
  const all: ScenarioFaults[] = []
  await inScenarios(async (options, name) => {
    const faults = Object.entries(options.system?.faults ?? {})
    if (faults.length === 0) return []
    const session = await openSession(options)
    const faulty: FaultyRound[] = []
    try {
      let before = await session.round()
      let next = await session.round()
      let knownEvents = new Set([...eventKeys(before), ...eventKeys(next)])
      for (const [fault, inject] of faults) {
        const during = await withFault(inject, session.round)
        const after = await session.round()
        faulty.push({ fault, before: inBoth(before, next), during, after, knownEvents })
        knownEvents = new Set([...knownEvents, ...eventKeys(after)])
        before = next
        next = after
      }
    } finally {
      await session.disconnect()
    }
    all.push({ name, rounds: faulty })
    return []
  })
  return all
}

/**
 * Returns a round without the entities and series that the round before lacks, and without counters that fall: they do
 * so without a fault.
 */
function inBoth(before: Round, round: Round): Round {
  return new Map(
    [...round].map(([collector, record]) => {
      const { signals } = before.get(collector) ?? record
      const entities = new Set(signals.entities.map(entityKey))
      const values = new Map(signals.metrics.map((metric) => [seriesKey(metric), metric.value]))
      const kept = {
        entities: record.signals.entities.filter((entity) => entities.has(entityKey(entity))),
        metrics: record.signals.metrics.filter((metric) => {
          const value = values.get(seriesKey(metric))
          return value !== undefined && (metric.kind !== 'counter' || metric.value >= value)
        }),
      }
      return [collector, { ...record, signals: { ...record.signals, ...kept } }]
    }),
  )
}

/** Runs code while a fault lasts. */
export async function withFault<Result>(inject: Fault, code: () => Promise<Result>): Promise<Result> {
  const undo = await inject()
  try {
    return await code()
  } finally {
    await undo()
  }
}

/** Finds entities that the platform would delete, with the rules by which the agent does. */
function deletedEntities({ fault, before, during }: FaultyRound): string[] {
  const tracker = createEntityTracker()
  const update = (round: Round): void => {
    for (const [name, { signals, error }] of round)
      tracker.update(name, signals.entities, error === undefined ? signals.unread : 'everything')
  }
  update(before)
  collected(tracker.take(0).changes())
  update(during)
  const changes = collected(tracker.take(1).changes())
  const deleted = changes.filter((entity) => 'deleted' in entity && entity.deleted === true)
  if (deleted.length === 0) return []
  const [first] = deleted
  return [`during \`${fault}\`, ${deleted.length} entities are deleted, such as ${first?.type} \`${first?.id}\``]
}

function collected<Item>(task: Generator<Item | undefined, unknown>): Item[] {
  return [...task].filter((item) => item !== undefined)
}

/** Finds events and falling counters in the first round after a fault. */
function inventedChanges({ fault, before, after, knownEvents }: FaultyRound): string[] {
  return [...after].flatMap(([collector, { signals }]) => {
    const earlier = before.get(collector)?.signals
    const event = signals.events.find((each) => !knownEvents.has(eventKey(each)))
    const counters = new Map<string, number>(
      earlier?.metrics.flatMap((metric) =>
        metric.kind === 'counter' ? [[seriesKey(metric), metric.value] as const] : [],
      ),
    )
    const fallen = signals.metrics.find((metric) => metric.value < (counters.get(seriesKey(metric)) ?? metric.value))
    return [
      ...(event === undefined ? [] : [`\`${collector}\` reports \`${event.name}\` after \`${fault}\`: ${event.body}`]),
      ...(fallen === undefined ? [] : [`the counter \`${fallen.name}\` of \`${collector}\` falls after \`${fault}\``]),
    ]
  })
}

function eventKeys(round: Round): string[] {
  return [...round.values()].flatMap(({ signals }) => signals.events.map(eventKey))
}

/** A collector may repeat an event in each round, with other words. */
function eventKey({ name, entity }: Event): string {
  return JSON.stringify([name, entity.type, entity.id])
}

function hiddenFault({ fault, before, during }: FaultyRound): string[] {
  const findings: string[] = []
  let isNoticed = false
  for (const [name, record] of during) {
    const earlier = before.get(name)
    if (record.error !== undefined || record.signals.gaps.length > (earlier?.signals.gaps.length ?? 0)) isNoticed = true
    if (earlier !== undefined && record.error === undefined)
      findings.push(...silentLoss(fault, name, earlier, record, newGaps(before, during)))
  }
  if (!isNoticed) findings.push(`no collector throws or reports a gap during \`${fault}\``)
  return findings
}

function silentLoss(
  fault: string,
  collector: string,
  earlier: CollectorRecord,
  record: CollectorRecord,
  gaps: readonly string[],
): string[] {
  const findings: string[] = []
  const values = new Map(record.signals.metrics.map((metric) => [seriesKey(metric), metric.value]))
  const zero = earlier.signals.metrics.find((metric) => metric.value !== 0 && values.get(seriesKey(metric)) === 0)
  if (zero !== undefined)
    findings.push(`\`${collector}\` reports 0 for \`${zero.name}\` during \`${fault}\`, which was ${zero.value}`)
  if (record.signals.gaps.length > earlier.signals.gaps.length) return findings
  const lost = earlier.signals.metrics.find((metric) => !values.has(seriesKey(metric)) && !isNamed(metric, gaps))
  if (lost !== undefined)
    findings.push(`\`${collector}\` leaves out \`${lost.name}\` during \`${fault}\` without a gap`)
  const keys = new Set(record.signals.entities.map(entityKey))
  const entity = earlier.signals.entities.find((each) => !keys.has(entityKey(each)))
  if (entity !== undefined && record.signals.unread.length === 0)
    findings.push(`\`${collector}\` leaves out ${entity.type} \`${entity.id}\` during \`${fault}\` without a gap`)
  return findings
}

/** Returns the scopes of the gaps that a fault adds, of all collectors. */
function newGaps(before: Round, during: Round): string[] {
  const scopes = (round: Round): string[] =>
    [...round.values()].flatMap(({ signals }) => signals.gaps.map((gap) => gap.scope))
  const earlier = new Set(scopes(before))
  return scopes(during).filter((scope) => !earlier.has(scope))
}

/** Returns whether a gap, perhaps of another collector, names what a metric is about: an attribute, or its entity. */
function isNamed({ entity, attributes }: Metric, gaps: readonly string[]): boolean {
  const names = [entity.id, ...Object.values(attributes).filter((value) => typeof value === 'string')]
  return gaps.some((scope) => names.some((name) => scope.split(':').includes(name)))
}

/** Returns the key of a metric's series. */
export function seriesKey({ name, entity, attributes }: Metric): string {
  return JSON.stringify([name, entity.type, entity.id, Object.entries(attributes).sort()])
}
