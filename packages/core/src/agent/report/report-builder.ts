import { v7 } from 'uuid'
import type { Connector } from '../../connector/connector.ts'
import type { Gap, Metric } from '../../connector/signals.ts'
import type { OutboxState } from '../../delivery/outbox.ts'
import type { SignalWriter } from '../../delivery/redaction.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import type { Report } from '../../platform/protocol.ts'
import type { CollectorRun } from '../collect/collector-health.ts'
import type { Collection } from '../collect/collector-runner.ts'
import { type CheckedSignals, createSignalCheck } from '../validate/validate-signals.ts'
import { createWatchedSignals } from '../watch/event-buffer.ts'
import { createEntityTracker } from './entity-diff.ts'
import { createToldPoints } from './metric-buffer.ts'
import { createOwed } from './pending-resyncs.ts'
import { contentOf, lastOfEach, reportData } from './report-content.ts'
import { createPart } from './report-part.ts'
import { type Header, type WrittenReport, writeParts } from './report-splitter.ts'
import { collectSelf, type SelfState, selfSignals } from './self-metrics.ts'

export interface ReportingOptions {
  readonly connector: Connector
  readonly agentVersion: string
  readonly now: () => Date
  readonly outboxState: () => OutboxState
  /** Takes secrets out of what is written. */
  readonly write: SignalWriter
  /** Names the time for which this agent leads. @default it is alone */
  readonly leadId?: () => string | undefined
}

/** Who reports, once it is known. */
export type Reporter = Pick<SelfState, 'agentId' | 'observes'>

/** What reporting asks of a collection. */
type Outcomes = Pick<Collection, 'gaps' | 'failures'>

/** Turns runs and events into reports. */
export interface Reporting {
  /** A report that stands alone: everything that these runs saw. */
  alone(reporter: Reporter, runs: readonly CollectorRun[], collection: Outcomes): Report
  /** Takes what goes into the next report. */
  add(run: CollectorRun): void
  /** Takes what a watcher saw into the next report. */
  addWatched(signals: CheckedSignals): void
  /** Takes what a collector tells before it has come back into the next report: written at once, it need not be held. */
  addPoints(points: readonly Metric[]): void
  /** Whether so much was told that a report should be made before more is taken. */
  isFull(): boolean
  /** Whether something was seen that has not been reported. */
  hasNews(): boolean
  /** The next report, or the parts of it: what was added since the one before, the entities that changed, and every open gap. To be gone through to its end before the next. */
  next(reporter: Reporter, collection: Outcomes, gaps: readonly Gap[]): InterruptibleTask<WrittenReport>
  /** A report got lost: one that comes soon carries every entity, and every collector is to tell everything. */
  forget(): void
  /** Whether the run of a collector that begins now is to tell what has not changed as well: it is asked once. */
  takeOwed(collector: string): boolean
  /** Another agent reports: what is not reported yet, and what watchers see from now on, is kept for as long as it may be missed. */
  standBy(): void
  /** This agent reports again: nothing of what the platform knows is taken for known. */
  begin(): void
}

const checkSelf = createSignalCheck(selfSignals)

/** Starts counting reports at 0. */
export function createReporting(options: ReportingOptions): Reporting {
  const { connector, write } = options
  const collectors = Object.keys(connector.collectors)
  const watched = createWatchedSignals()
  const heard = new Set<string>()
  let tracker = createEntityTracker()
  let runs: CollectorRun[] = []
  const part = createPart()
  const told = createToldPoints(write)
  const owed = createOwed()
  let sequence = 0

  return {
    alone: (reporter, alone, collection) => reportAlone(options, { reporter, runs: alone, collection }, sequence++),
    add: (run) => {
      runs.push(run)
      // Where only something of it had to be left out, everything else was told.
      if (run.fullSnapshot && !run.ok && run.signals.problems.length === 0) owed.add([run.collector])
      // What a run saw counts even where something of it had to be left out; one that saw nothing changes nothing.
      if (run.ok) heard.add(run.collector)
      tracker.update(run.collector, run.signals.entities, run.ok ? 'all' : 'some')
    },
    addWatched: watched.add,
    addPoints: told.add,
    isFull: told.isFull,
    hasNews: () => runs.length > 0 || !told.isEmpty() || !watched.isEmpty(),
    *next(reporter, collection, gaps) {
      const header = headerOf(reporter, options)
      const own = selfOf(options, reporter, runs, collection)
      tracker.update('', own.entities)
      const everyone = heard.size === collectors.length
      const { full, changes } = tracker.take(performance.now(), everyone)
      const seen = watched.take()
      const parts = [...runs.map((run) => run.signals), ...seen, own]
      runs = []
      yield* writeParts(
        { header, snapshot: full && everyone, gaps, ...contentOf(parts, seen, changes()), points: told.take() },
        { write, part },
        () => sequence++,
      )
    },
    forget: () => {
      tracker.forget()
      owed.add(collectors)
    },
    takeOwed: (collector) => owed.take(collector, performance.now()),
    standBy: () => {
      for (const signals of eventsOf(runs)) watched.add(signals)
      runs = []
      // Points are dated by their report.
      told.clear()
      watched.hold()
    },
    begin: () => {
      watched.release()
      told.clear()
      tracker = createEntityTracker()
      heard.clear()
      owed.clear()
    },
  }
}

/** Everything that runs saw, as one report. */
function reportAlone(
  options: ReportingOptions,
  seen: { readonly reporter: Reporter; readonly runs: readonly CollectorRun[]; readonly collection: Outcomes },
  sequence: number,
): Report {
  const { reporter, runs, collection } = seen
  const header = headerOf(reporter, options)
  const parts = [...runs.map((run) => run.signals), selfOf(options, reporter, runs, collection)]
  const everything = runs.every((run) => run.ok) && runs.length === Object.keys(options.connector.collectors).length
  const { data, complete } = reportData(parts, lastOfEach(parts), collection.gaps(), header.timestamp)
  const mark = everything && complete ? { snapshot: true as const } : {}
  return { report_id: v7(), ...header, sequence, ...mark, data }
}

function headerOf({ agentId }: Reporter, { connector, agentVersion, now, leadId }: ReportingOptions): Header {
  return {
    agent_id: agentId,
    agent_type: connector.type,
    agent_version: agentVersion,
    timestamp: now().toISOString(),
    ...leadOf(leadId?.()),
  }
}

/** What is worth keeping of runs that nobody reported: points are dated by their report, and entities are read anew. */
function eventsOf(runs: readonly CollectorRun[]): CheckedSignals[] {
  const spoke = runs.filter((run) => run.signals.events.length > 0)
  return spoke.map(({ signals }) => ({ ...signals, entities: [], metrics: [] }))
}

function leadOf(id: string | undefined): Pick<Report, 'lead_id'> {
  return id === undefined ? {} : { lead_id: id }
}

/** What the agent says of itself. */
function selfOf(
  { connector, agentVersion, outboxState }: ReportingOptions,
  reporter: Reporter,
  runs: readonly CollectorRun[],
  collection: Outcomes,
): CheckedSignals {
  const outcome = { runs, failures: collection.failures(), outbox: outboxState() }
  return checkSelf(collectSelf({ ...reporter, ...outcome, agentType: connector.type, agentVersion }))
}
