import { v7 } from 'uuid'
import type { Connector } from '../../connector/connector.ts'
import type { Event, Gap, UnreadEntities } from '../../connector/signals.ts'
import type { OutboxState } from '../../delivery/outbox.ts'
import type { SignalWriter } from '../../delivery/report-redactor.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import type { Logger } from '../../logger.ts'
import { MAX_SNAPSHOT_EXCEPTIONS, type Report } from '../../platform/protocol.ts'
import type { CollectorHealth, CollectorRun } from '../collect/collector-health.ts'
import { createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { createEventBuffer } from '../watch/event-buffer.ts'
import { createEntityTracker, type EntityObserver } from './entity-diff.ts'
import { createMetricBuffer } from './metric-buffer.ts'
import { createChurn, eventGaps, identityGap } from './report-checks.ts'
import { contentOf, latestEntities, reportData } from './report-content.ts'
import { createPartWriter, type Header, type SnapshotMark, type WrittenReport, writeParts } from './report-splitter.ts'
import { collectSelf, type SelfState, selfSignals } from './self-metrics.ts'

export interface ReportBuilderOptions {
  readonly connector: Connector
  readonly agentVersion: string
  readonly now: () => Date
  readonly outboxState: () => OutboxState
  /** Writes signals without secrets. */
  readonly write: SignalWriter
  /** Returns the id of the active leader term. @default there is no election */
  readonly leaderTermId?: () => string | undefined
  /** @default no log */
  readonly log?: Pick<Logger, 'warn'>
}

/** The agent that reports, known once it is connected. */
export type Reporter = Pick<SelfState, 'agentId' | 'observes'>

type Health = Pick<CollectorHealth, 'gaps' | 'failures'>

export type ReportBuilder = ReturnType<typeof createReportBuilder>

const selfValidator = createSignalValidator(selfSignals)

/** Builds reports from collector runs and watchers' signals. The first one has sequence 0. */
export function createReportBuilder(options: ReportBuilderOptions) {
  const { connector, write, now } = options
  const collectors = Object.keys(connector.collectors)
  const watched = createEventBuffer()
  /** Parts that could not be read, by collector. Lacks collectors that have not returned a list yet. */
  const unreadOf = new Map<string, readonly UnreadEntities[]>()
  const part = createPartWriter()
  const metrics = createMetricBuffer(write)
  const resyncs = createPendingResyncs()
  const churn = createChurn()
  const observer: EntityObserver = { onCreated: churn.add, onConflict: conflictLog(options.log) }
  let tracker = createEntityTracker(observer)
  /** Gap since which the agent's own entity is not described. */
  let ownGap: Gap | undefined
  let runs: CollectorRun[] = []
  let ownEvents: Event[] = []
  let sequence = 0

  return {
    /** Builds a full snapshot from these runs alone. */
    fullReport: (reporter: Reporter, ownRuns: readonly CollectorRun[], health: Health) =>
      buildFullReport(options, reporter, ownRuns, health, sequence++),
    /** Goes on after the sequence of reports that an earlier run left: the platform orders both, and misses none. */
    continueAfter: (last: number): void => {
      sequence = Math.max(sequence, last + 1)
    },
    addRun: (run: CollectorRun): void => {
      runs.push(run)
      // If only invalid signals were left out, everything else was sent.
      if (run.fullSnapshot && !run.ok && run.signals.problems.length === 0) resyncs.add([run.collector])
      const { entities, unread } = run.signals
      if (run.ok) unreadOf.set(run.collector, unread)
      tracker.update(run.collector, entities, run.ok ? unread : 'everything')
    },
    addWatched: watched.add,
    /** Adds an event of the agent itself. Kept until the agent reports, also if another one leads meanwhile. */
    addOwnEvent: (event: Event): void => void ownEvents.push(event),
    /** Builds a report of one event of an agent that has not connected: of the rest, nothing is known yet. */
    eventReport: (agentId: string, event: Event): Report => {
      const { events } = selfValidator.validate({ events: [event] })
      const data = { entities: [], metrics: [], events: [...events], gaps: [] }
      return { report_id: v7(), ...headerOf({ agentId }, options), sequence: sequence++, data }
    },
    /** Adds points that a collector yielded while it runs. They are written at once. */
    addMetrics: metrics.add,
    isFull: metrics.isFull,
    hasContent: () => runs.length > 0 || ownEvents.length > 0 || !metrics.isEmpty() || !watched.isEmpty(),
    /** Builds the next report, whole or in parts, with all open gaps. Has to be run to its end before the next call. */
    *next(reporter: Reporter, health: Health, gaps: readonly Gap[]): InterruptibleTask<WrittenReport> {
      const header = headerOf(reporter, options)
      runs = inOrder(runs, collectors)
      const own = selfSignalsOf(options, reporter, runs, health, ownEvents)
      ownEvents = []
      tracker.update('', own.entities)
      const everyoneReported = unreadOf.size === collectors.length
      const { full, changes } = tracker.take(performance.now(), everyoneReported)
      const emitted = watched.take()
      const sources = [...runs.map((run) => run.signals), ...emitted, own]
      runs = []
      const snapshot = full && everyoneReported ? markOf([...unreadOf.values()].flat()) : {}
      if (snapshot.snapshot === true && collectors.length > 0)
        ownGap = tracker.has(reporter.observes) ? undefined : identityGap(reporter.observes, header.timestamp)
      const found = [...eventGaps(sources, now()), ...churn.gaps(now()), ...(ownGap === undefined ? [] : [ownGap])]
      const content = { header, snapshot, gaps: [...gaps, ...found], ...contentOf(sources, emitted, changes()) }
      yield* writeParts({ ...content, points: metrics.take() }, write, part, () => sequence++)
    },
    /** Sends all entities again soon and asks every collector for a full snapshot: a report was lost. */
    resync: (): void => {
      tracker.resync()
      resyncs.add(collectors)
    },
    /** Returns true if the collector's run that starts now must be a full snapshot, and clears its pending resync. */
    takePendingResync: (collector: string) => resyncs.take(collector, performance.now()),
    /** Keeps only recent events from now on: another agent reports. */
    standby: (): void => {
      for (const signals of eventsOf(runs)) watched.add(signals)
      runs = []
      // A later report would date the points wrongly.
      metrics.clear()
      watched.standby()
    },
    /** Called on becoming leader. Forgets what was sent, so that the next report is a full snapshot. */
    promote: (): void => {
      watched.activate()
      metrics.clear()
      tracker = createEntityTracker(observer)
      unreadOf.clear()
      resyncs.clear()
    },
  }
}

/** Sorts runs by the order of their collectors: series that keep their order in all reports are a known set. */
function inOrder(runs: readonly CollectorRun[], collectors: readonly string[]): CollectorRun[] {
  return runs.toSorted((one, other) => collectors.indexOf(one.collector) - collectors.indexOf(other.collector))
}

/** Returns a function that logs once that collectors disagree about an attribute. */
function conflictLog(log: ReportBuilderOptions['log']): NonNullable<EntityObserver['onConflict']> {
  const logged = new Set<string>()
  return (entityType, attribute, collectors) => {
    const key = `${entityType}\n${attribute}`
    if (logged.has(key)) return
    logged.add(key)
    log?.warn({ entity_type: entityType, attribute, collectors }, 'collectors describe an entity differently')
  }
}

function buildFullReport(
  options: ReportBuilderOptions,
  reporter: Reporter,
  runs: readonly CollectorRun[],
  health: Health,
  sequence: number,
): Report {
  const header = headerOf(reporter, options)
  const sources = [...runs.map((run) => run.signals), selfSignalsOf(options, reporter, runs, health)]
  const everything = runs.every(({ ok }) => ok) && runs.length === Object.keys(options.connector.collectors).length
  const { data, complete } = reportData(sources, latestEntities(sources), health.gaps(), header.timestamp)
  const mark = everything && complete ? markOf(runs.flatMap(({ signals }) => signals.unread)) : {}
  return { report_id: v7(), ...header, sequence, ...mark, data }
}

/** Returns the mark of a snapshot that lacks what could not be read: the platform must not delete that. */
function markOf(unread: readonly UnreadEntities[]): SnapshotMark {
  if (unread.length === 0) return { snapshot: true }
  const distinct = new Map(unread.map((part) => [JSON.stringify([part.type, part.id]), part]))
  if (distinct.size <= MAX_SNAPSHOT_EXCEPTIONS) return { snapshot_except: [...distinct.values()] }
  const types = [...new Set(unread.map(({ type }) => type))].map((type) => ({ type }))
  return types.length <= MAX_SNAPSHOT_EXCEPTIONS ? { snapshot_except: types } : {}
}

function headerOf(
  { agentId }: Pick<Reporter, 'agentId'>,
  { connector, agentVersion, now, leaderTermId }: ReportBuilderOptions,
): Header {
  const termId = leaderTermId?.()
  return {
    agent_id: agentId,
    agent_type: connector.type,
    agent_version: agentVersion,
    timestamp: now().toISOString(),
    ...(termId === undefined ? {} : { lead_id: termId }),
  }
}

/** Returns the events of runs that were not reported. Entities are read again; points would be dated wrongly. */
function eventsOf(runs: readonly CollectorRun[]): ValidatedSignals[] {
  const withEvents = runs.filter((run) => run.signals.events.length > 0)
  return withEvents.map(({ signals }) => ({ ...signals, entities: [], metrics: [] }))
}

function selfSignalsOf(
  { connector, agentVersion, outboxState }: ReportBuilderOptions,
  reporter: Reporter,
  runs: readonly CollectorRun[],
  health: Health,
  events: readonly Event[] = [],
): ValidatedSignals {
  const outcome = { runs, failures: health.failures(), outbox: outboxState() }
  const signals = collectSelf({ ...reporter, ...outcome, agentType: connector.type, agentVersion })
  return selfValidator.validate({ ...signals, events })
}

/** Minimum time between two full snapshots: while reports get lost, each pushes others out of the queue. */
const MIN_RESYNC_INTERVAL_MS = 60_000

/** Keeps the collectors that must send a full snapshot because a report was lost. */
export function createPendingResyncs() {
  const pending = new Set<string>()
  const takenAt = new Map<string, number>()
  return {
    add: (collectors: Iterable<string>): void => {
      for (const collector of collectors) pending.add(collector)
    },
    /** Returns true if a run that starts at this monotonic time must be a full snapshot, and clears that. */
    take: (collector: string, now: number): boolean => {
      const elapsed = now - (takenAt.get(collector) ?? Number.NEGATIVE_INFINITY)
      if (!pending.has(collector) || elapsed < MIN_RESYNC_INTERVAL_MS) return false
      pending.delete(collector)
      takenAt.set(collector, now)
      return true
    },
    clear: () => pending.clear(),
  }
}
