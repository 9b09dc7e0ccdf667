import { v7 } from 'uuid'
import type { Connector } from '../connector.ts'
import type { OutboxState } from '../delivery/outbox.ts'
import type { Report } from '../platform/protocol.ts'
import type { Gap } from '../signals.ts'
import { type CheckedSignals, createSignalCheck } from './check-signals.ts'
import type { Collection } from './collection.ts'
import type { CollectorRun } from './collection-record.ts'
import { createEntityTracker } from './entity-changes.ts'
import { besides, type ReportData, reportData } from './report-data.ts'
import { collectSelf, type SelfState, selfSignals } from './self-signals.ts'
import { createWatchedSignals } from './watched-signals.ts'

export interface ReportingOptions {
  readonly connector: Connector
  readonly agentVersion: string
  readonly now: () => Date
  readonly outboxState: () => OutboxState
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
  /** Whether something was seen that has not been reported. */
  hasNews(): boolean
  /** The next report: what was added since the one before, the entities that changed, and every open gap. */
  next(reporter: Reporter, collection: Outcomes, gaps: readonly Gap[]): Report
  /** A report got lost: one that comes soon carries every entity. */
  forget(): void
  /** Another agent reports: what is not reported yet, and what watchers see from now on, is kept for as long as it may be missed. */
  standBy(): void
  /** This agent reports again: nothing of what the platform knows is taken for known. */
  begin(): void
}

const checkSelf = createSignalCheck(selfSignals)

/** Starts counting reports at 0. */
export function createReporting({ connector, agentVersion, now, outboxState, leadId }: ReportingOptions): Reporting {
  const collectors = Object.keys(connector.collectors)
  const watched = createWatchedSignals()
  let tracker = createEntityTracker()
  const heard = new Set<string>()
  let runs: CollectorRun[] = []
  let sequence = 0

  const self = (reporter: Reporter, of: readonly CollectorRun[], collection: Outcomes): CheckedSignals => {
    const outcome = { runs: of, failures: collection.failures(), outbox: outboxState() }
    return checkSelf(collectSelf({ ...reporter, ...outcome, agentType: connector.type, agentVersion }))
  }
  const report = (agentId: string, snapshot: boolean, { data, complete }: ReportData, timestamp: string): Report => ({
    report_id: v7(),
    agent_id: agentId,
    agent_type: connector.type,
    agent_version: agentVersion,
    sequence: sequence++,
    timestamp,
    ...leadOf(leadId?.()),
    ...(snapshot && complete ? { snapshot: true } : {}),
    data,
  })

  return {
    alone: (reporter, alone, collection) => {
      const at = now().toISOString()
      const parts = [...alone.map((run) => run.signals), self(reporter, alone, collection)]
      const everything = alone.every((run) => run.ok) && alone.length === collectors.length
      const data = reportData(parts, besides(parts, []), collection.gaps(), at)
      return report(reporter.agentId, everything, data, at)
    },
    add: (run) => {
      runs.push(run)
      // What a run saw counts even where something of it had to be left out; one that saw nothing changes nothing.
      if (run.ok) heard.add(run.collector)
      tracker.update(run.collector, run.signals.entities, run.ok ? 'all' : 'some')
    },
    addWatched: watched.add,
    hasNews: () => !watched.isEmpty() || runs.length > 0,
    next: (reporter, collection, gaps) => {
      const at = now().toISOString()
      const own = self(reporter, runs, collection)
      tracker.update('', own.entities)
      const everyone = heard.size === collectors.length
      const changes = tracker.take(performance.now(), everyone)
      const seen = watched.take()
      const parts = [...runs.map((run) => run.signals), ...seen, own]
      const entities = [...changes.entities, ...besides(seen, changes.entities)]
      runs = []
      return report(reporter.agentId, changes.full && everyone, reportData(parts, entities, gaps, at), at)
    },
    forget: () => tracker.forget(),
    standBy: () => {
      for (const signals of eventsOf(runs)) watched.add(signals)
      runs = []
      watched.hold()
    },
    begin: () => {
      watched.release()
      tracker = createEntityTracker()
      heard.clear()
    },
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
