import { toMilliseconds } from '../config/duration.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import type { Logger } from '../logger.ts'
import { settleWithin } from '../timers.ts'
import { type CollectionScheduler, createCollectionScheduler } from './collection-scheduler.ts'
import { createLeaderTerms } from './election/leader-terms.ts'
import type { HeartbeatSender } from './heartbeat.ts'
import type { ReportBuilder } from './report/report-builder.ts'
import type { ReportQueue } from './report-queue.ts'
import type { Session } from './session.ts'

export interface LeaderLoopOptions {
  readonly connector: Pick<Connector, 'collectors' | 'election'>
  readonly runtime: RuntimeConfig
  readonly reports: ReportBuilder
  readonly queue: ReportQueue
  readonly heartbeats: Pick<HeartbeatSender, 'send' | 'sendOnChange'>
  readonly log: Logger
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
}

export type LeaderLoop = ReturnType<typeof createLeaderLoop>

/** Runs an open session: watches always, and collects and reports while the agent leads, or if there is no election. */
export function createLeaderLoop(options: LeaderLoopOptions) {
  const { connector, reports, queue, heartbeats, signal } = options
  const hasElection = connector.election !== undefined
  const resigning = new AbortController()
  let election: Promise<void> | undefined
  let session: Session | undefined
  let scheduler: CollectionScheduler | undefined

  const terms = createLeaderTerms(
    {
      log: options.log,
      onBegin: () => {
        session?.collectors.reset()
        session?.watchers.discardEndedGaps()
        reports.promote()
      },
      onEnd: () => {
        scheduler = undefined
        reports.standby()
      },
      serve: async (term, isOver) => {
        if (session === undefined) return
        // The platform has to know the leader before its first report arrives.
        await heartbeats.send(term)
        if (term.aborted) return
        if (reports.hasContent()) await queue.add(session, isOver)
        scheduler = schedulerOf(options, session, term, isOver)
        await scheduler.run(term)
      },
    },
    signal,
  )
  if (hasElection) reports.standby()

  return {
    /** Resolves when `signal` has aborted and all work has ended. Keeps the leadership until `resign`. */
    run: async (opened: Session): Promise<void> => {
      session = opened
      election = opened.election?.run(resigning.signal)
      if (!hasElection) {
        // Before the first collection, which may end the process once more.
        if (reports.hasContent()) await queue.add(opened)
        scheduler = schedulerOf(options, opened, signal, () => false)
      }
      await Promise.all([
        hasElection ? aborted(signal).then(terms.settled) : scheduler?.run(signal),
        opened.watchers.run(signal),
      ])
    },
    /** Reports within half a second if this agent reports: a watcher emitted something. */
    reportSoon: () => scheduler?.reportSoon(),
    onElectionChange: (opened: Session): void => {
      if (opened.election?.role() === 'leader') terms.begin()
      else {
        terms.end()
        void heartbeats.sendOnChange(signal)
      }
    },
    /** Returns false for a standby. */
    isReporting: () => !hasElection || session === undefined || terms.current() !== undefined,
    leaderTermId: terms.current,
    /** Leaves the election, so that another agent can lead. */
    resign: async (timeoutMs: number): Promise<void> => {
      resigning.abort()
      await settleWithin(election, timeoutMs)
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) resolve()
  })
}

function schedulerOf(
  { connector, runtime, reports, queue, heartbeats }: LeaderLoopOptions,
  session: Session,
  signal: AbortSignal,
  isOver: () => boolean,
): CollectionScheduler {
  const collectors = Object.entries(connector.collectors)
  return createCollectionScheduler({
    collectors: new Map(
      collectors.map(([name, { interval }]) => [name, interval === undefined ? undefined : toMilliseconds(interval)]),
    ),
    intervalMs: toMilliseconds(runtime.collect_interval),
    runner: session.collectors,
    reports: {
      // Drops what is read after the leadership was lost: the new leader reports it.
      addRun: (run) => (isOver() ? undefined : reports.addRun(run)),
      addMetrics: (points) => (isOver() ? undefined : reports.addMetrics(points)),
      isFull: () => !isOver() && reports.isFull(),
      hasContent: reports.hasContent,
      takePendingResync: reports.takePendingResync,
    },
    report: async () => {
      await queue.add(session, isOver)
      if (!isOver()) void heartbeats.sendOnChange(signal)
    },
  })
}
