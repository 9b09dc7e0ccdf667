import { performance } from 'node:perf_hooks'
import { v7 } from 'uuid'
import type { Connector } from '../connector.ts'
import type { OutboxState } from '../delivery/outbox.ts'
import { toMilliseconds } from '../duration.ts'
import type { Report } from '../platform/protocol.ts'
import type { Entity, Event, Gap, Metric, Signals } from '../signals.ts'
import { type CheckedSignals, createSignalCheck } from './check-signals.ts'
import type { Collection, CollectorRun } from './collection.ts'
import { createEntityTracker } from './entity-changes.ts'
import { collectSelf, type SelfState, selfSignals } from './self-signals.ts'

export interface ReportingOptions {
  readonly connector: Connector
  readonly agentVersion: string
  readonly now: () => Date
  readonly outboxState: () => OutboxState
}

/** Who reports, once it is known. */
export type Reporter = Pick<SelfState, 'agentId' | 'observes'>

/** Turns runs and events into reports. */
export interface Reporting {
  /** A report that stands alone: everything that these runs saw. */
  alone(reporter: Reporter, runs: readonly CollectorRun[], collection: Collection): Report
  /** Takes what goes into the next report. */
  add(run: CollectorRun): void
  /** Takes what a watcher saw into the next report. */
  addWatched(signals: CheckedSignals): void
  /** Whether a watcher saw something that has not been reported. */
  hasWatched(): boolean
  /** The next report: what was added since the one before, the entities that changed, and every open gap. */
  next(reporter: Reporter, collection: Collection, gaps: readonly Gap[]): Report
  /** Milliseconds between two runs of a collector. */
  period(collector: string, interval: number): number
  /** A report got lost: the next one carries every entity. */
  forget(): void
}

const checkSelf = createSignalCheck(selfSignals)

/** Starts counting reports at 0. */
export function createReporting({ connector, agentVersion, now, outboxState }: ReportingOptions): Reporting {
  const tracker = createEntityTracker()
  const succeeded = new Set<string>()
  let runs: CollectorRun[] = []
  let watched: CheckedSignals[] = []
  let sequence = 0

  const self = (reporter: Reporter, of: readonly CollectorRun[], collection: Collection): CheckedSignals => {
    const state = {
      ...reporter,
      agentType: connector.type,
      agentVersion,
      runs: of,
      failures: collection.failures(),
      outbox: outboxState(),
    }
    return checkSelf(collectSelf(state) satisfies Signals)
  }
  const report = (agentId: string, snapshot: boolean, data: Report['data']): Report => ({
    report_id: v7(),
    agent_id: agentId,
    agent_type: connector.type,
    agent_version: agentVersion,
    sequence: sequence++,
    timestamp: now().toISOString(),
    ...(snapshot ? { snapshot: true } : {}),
    data,
  })
  const metricsOf = (parts: readonly CheckedSignals[]): Metric[] => parts.flatMap((part) => part.metrics)
  const eventsOf = (parts: readonly CheckedSignals[]): Event[] => parts.flatMap((part) => part.events)
  const entitiesOf = (parts: readonly CheckedSignals[]): Entity[] => parts.flatMap((part) => part.entities)

  return {
    alone: (reporter, alone, collection) => {
      const parts = [...alone.map((run) => run.signals), self(reporter, alone, collection)]
      const snapshot = alone.every((run) => run.ok) && alone.length === Object.keys(connector.collectors).length
      return report(reporter.agentId, snapshot, {
        entities: entitiesOf(parts),
        metrics: metricsOf(parts),
        events: eventsOf(parts),
        gaps: collection.gaps(),
      })
    },
    add: (run) => {
      runs.push(run)
      if (!run.ok) return
      succeeded.add(run.collector)
      tracker.update(run.collector, run.signals.entities)
    },
    addWatched: (signals) => void watched.push(signals),
    hasWatched: () => watched.length > 0,
    next: (reporter, collection, gaps) => {
      const own = self(reporter, runs, collection)
      tracker.update('', own.entities)
      const changes = tracker.take(performance.now())
      const parts = [...runs.map((run) => run.signals), ...watched, own]
      const entities = [...changes.entities, ...entitiesOf(watched)]
      runs = []
      watched = []
      const complete = changes.full && succeeded.size === Object.keys(connector.collectors).length
      return report(reporter.agentId, complete, { entities, metrics: metricsOf(parts), events: eventsOf(parts), gaps })
    },
    period: (collector, interval) => {
      const every = connector.collectors[collector]?.every
      return every === undefined ? interval : Math.max(interval, toMilliseconds(every))
    },
    forget: () => tracker.forget(),
  }
}
