import { toMilliseconds } from '../config/duration.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import type { Logger } from '../logger.ts'
import type { Role } from '../platform/protocol.ts'
import { settleWithin } from '../timers.ts'
import { createRounds, type Rounds } from './collection-scheduler.ts'
import { createTerms } from './election/leader-terms.ts'
import type { Heart } from './heartbeat.ts'
import type { Reporting } from './report/report-builder.ts'
import type { ReportQueue } from './report-queue.ts'
import type { Open } from './session.ts'

export interface ServingOptions {
  readonly connector: Pick<Connector, 'collectors' | 'election'>
  readonly runtime: RuntimeConfig
  readonly reporting: Reporting
  readonly queue: ReportQueue
  readonly heart: Pick<Heart, 'beat' | 'beatOnChange'>
  readonly log: Logger
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
}

/** What an agent does once its client is open: collect and report, for as long as it leads where there is an election, and watch. */
export interface Serving {
  /** Resolves when `signal` has aborted and everything that it ends has ended. The lead is kept until `resign`. */
  run(open: Open): Promise<void>
  /** A watcher saw something: report soon, if this agent reports. */
  hurry(): void
  /** The role in the election, or the failure of it, is another one. */
  onElection(open: Open): void
  /** Whether what is seen is this agent's to report: it is where there is no election, or none that it takes part in yet. */
  reports(): boolean
  /** Names the time for which this agent leads. */
  leadId(): string | undefined
  /** Leaves the election, so that another can lead, and waits at most so many milliseconds. */
  resign(milliseconds: number): Promise<void>
}

/** Serves nothing yet. */
export function createServing(options: ServingOptions): Serving {
  const { connector, reporting, queue, heart, signal } = options
  const elected = connector.election !== undefined
  const resigning = new AbortController()
  let electing: Promise<void> | undefined
  let opened: Open | undefined
  let rounds: Rounds | undefined

  const terms = createTerms(
    {
      log: options.log,
      onBegin: () => {
        opened?.collection.forget()
        reporting.begin()
      },
      onEnd: () => {
        rounds = undefined
        reporting.standBy()
      },
      serve: async (own, isOver) => {
        if (opened === undefined) return
        // The platform learns who leads before it gets the first report.
        await heart.beat(own)
        if (own.aborted) return
        if (reporting.hasNews()) await queue.add(opened, isOver)
        rounds = roundsOf(options, opened, own, isOver)
        await rounds.run(own)
      },
    },
    signal,
  )
  if (elected) reporting.standBy()

  return {
    run: async (open) => {
      opened = open
      electing = open.leadership?.run(resigning.signal)
      if (!elected) rounds = roundsOf(options, open, signal, () => false)
      await Promise.all([
        elected ? aborted(signal).then(terms.settled) : rounds?.run(signal),
        open.watching.run(signal),
      ])
    },
    hurry: () => rounds?.hurry(),
    onElection: ({ leadership }) => {
      const role: Role | undefined = leadership?.role()
      if (role === 'leader') return terms.begin()
      terms.end()
      void heart.beatOnChange(signal)
    },
    reports: () => !elected || opened === undefined || terms.current() !== undefined,
    leadId: terms.current,
    resign: async (milliseconds) => {
      resigning.abort()
      await settleWithin(electing, milliseconds)
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (signal.aborted) resolve()
  })
}

function roundsOf(
  { connector, runtime, reporting, queue, heart }: ServingOptions,
  open: Open,
  signal: AbortSignal,
  isOver: () => boolean,
): Rounds {
  const collectors = Object.entries(connector.collectors)
  return createRounds({
    collectors: new Map(
      collectors.map(([name, { interval }]) => [name, interval === undefined ? undefined : toMilliseconds(interval)]),
    ),
    interval: toMilliseconds(runtime.collect_interval),
    collection: open.collection,
    reporting: {
      // What was read while another leads is the other's to tell.
      add: (run) => (isOver() ? undefined : reporting.add(run)),
      addPoints: (points) => (isOver() ? undefined : reporting.addPoints(points)),
      isFull: () => !isOver() && reporting.isFull(),
      hasNews: reporting.hasNews,
      takeOwed: reporting.takeOwed,
    },
    report: async () => {
      await queue.add(open, isOver)
      if (!isOver()) void heart.beatOnChange(signal)
    },
  })
}
