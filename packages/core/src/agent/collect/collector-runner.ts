import { toMilliseconds } from '../../config/duration.ts'
import type { CollectContext, Collector, Connector, StreamingCollector } from '../../connector/connector.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import { runInTimeSlices } from '../../event-loop.ts'
import type { Logger } from '../../logger.ts'
import { withTimeout } from '../../timers.ts'
import { createEventLimit } from '../validate/event-limit.ts'
import type { SignalValidator, ValidatedSignals } from '../validate/validate-signals.ts'
import { type CollectorRun, createCollectorHealth } from './collector-health.ts'
import { type Blocked, createEventLoopMonitor, type EventLoopMonitor } from './event-loop-monitor.ts'
import { createMemoryMonitor, type MemoryGrowth, type MemoryMonitor } from './memory-monitor.ts'
import { createSignalStream, isStream, type MetricSink } from './signal-stream.ts'

const DEFAULT_TIMEOUT_MS = 10_000

export interface CollectorRunnerOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly validator: SignalValidator
  readonly redact: (text: string) => string
  readonly now: () => Date
  readonly log: Logger
  /** Aborts every run. */
  readonly signal: AbortSignal
  /** @default a monitor of this process */
  readonly monitor?: EventLoopMonitor
  /** @default a monitor of this process */
  readonly memory?: MemoryMonitor
}

export interface RunOptions {
  /** Includes what has not changed since the last run. @default false */
  readonly fullSnapshot?: boolean
  /** Takes the points that the collector yields while it runs. @default they become part of the run's signals */
  readonly onMetrics?: MetricSink
}

export type CollectorRunner = ReturnType<typeof createCollectorRunner>

const NO_SIGNALS: ValidatedSignals = { entities: [], metrics: [], events: [], gaps: [], unread: [], problems: [] }

/** Runs collectors: isolated from each other, each with its timeout, and never two runs of one collector at a time. */
export function createCollectorRunner<Client>(options: CollectorRunnerOptions<Client>) {
  const { connector, redact, now, log, monitor = createEventLoopMonitor(), memory = createMemoryMonitor() } = options
  const blocking = new Set<string>()
  const growing = new Set<string>()
  /** Runs of collectors that must not run beside others. */
  let alone: Promise<unknown> = Promise.resolve()
  const health = createCollectorHealth(redact, options.log)
  const running = new Map<string, Promise<CollectorRun>>()
  const guarded = new Map(
    Object.entries(connector.collectors).map(([name, collector]) => [name, guardCollector(name, collector, options)]),
  )

  const runNow = async (collector: string, runOptions: RunOptions): Promise<CollectorRun> => {
    const startedAt = now()
    const begin = performance.now()
    const toRun = (signals: ValidatedSignals, error: string | undefined): CollectorRun => {
      const durationMs = performance.now() - begin
      const { fullSnapshot = false } = runOptions
      const failure = error === undefined ? {} : { error: shortReason(error, redact) }
      return { collector, fullSnapshot, ok: error === undefined, durationMs, signals, ...failure }
    }
    let run: CollectorRun
    const watched = monitor.begin(collector)
    memory.begin(collector)
    try {
      const collect = guarded.get(collector)?.collect
      if (collect === undefined) throw new TypeError(`\`${connector.type}\` has no collector \`${collector}\``)
      const signals = await monitor.runFirstStep(watched, () => collect(runOptions))
      run = toRun(signals, signals.problems.length === 0 ? undefined : `left out: ${signals.problems.join('; ')}`)
    } catch (error) {
      run = toRun(NO_SIGNALS, reasonOf(error))
    }
    run = withGrowth(withBlocks(run, monitor.end(watched)), memory.end(collector))
    if (run.error === undefined || !options.signal.aborted) health.record(run, startedAt)
    return run
  }

  /** Books blocks of the event loop to the collector that caused them, as a gap. */
  const withBlocks = (run: CollectorRun, { ownMs, othersMs }: Blocked): CollectorRun => {
    const { collector } = run
    const durationMs = Math.max(0, run.durationMs - othersMs)
    if (ownMs === 0) {
      blocking.delete(collector)
      return othersMs === 0 ? run : { ...run, durationMs }
    }
    if (!blocking.has(collector)) log.warn({ collector, blocked_ms: Math.round(ownMs) }, 'collector blocks the agent')
    blocking.add(collector)
    const reason = `it blocked the event loop for ${(ownMs / 1000).toFixed(1)} s: heartbeats, events and other collectors waited`
    return withGap({ ...run, durationMs }, `blocked:${collector}`, reason)
  }

  /** Books memory that a collector keeps, as a gap. */
  const withGrowth = (run: CollectorRun, growth: MemoryGrowth | undefined): CollectorRun => {
    const { collector } = run
    if (growth === undefined) {
      growing.delete(collector)
      return run
    }
    const { runs } = growth
    const megabytes = Math.round(growth.bytes / 1e6)
    if (!growing.has(collector)) log.warn({ collector, megabytes, runs }, 'collector keeps more memory after each run')
    growing.add(collector)
    const reason = `it keeps more memory after each run: ${megabytes} MB in the last ${runs} runs. The agent ends when its memory is used up`
    return withGap(run, `memory:${collector}`, reason)
  }

  const start = (name: string, runOptions: RunOptions): Promise<CollectorRun> => {
    const runs =
      monitor.takeSuspect(name) || memory.isLooking()
        ? alone.then(() => runNow(name, runOptions))
        : runNow(name, runOptions)
    const run = runs.finally(() => running.delete(name))
    alone = Promise.all([alone, run])
    running.set(name, run)
    return run
  }

  return {
    /** Runs a collector, or joins its current run. Never rejects: a failure is in the result, `gaps` and `statuses`. */
    run: (name: string, runOptions: RunOptions = {}) => running.get(name) ?? start(name, runOptions),
    /** Runs a collector that includes everything. Waits for the current run instead of joining it. */
    runFullSnapshot: async (name: string): Promise<CollectorRun> => {
      while (running.has(name)) await running.get(name)
      return start(name, { fullSnapshot: true })
    },
    /** Returns true while a run of this collector can be joined. */
    isRunning: (name: string) => running.has(name),
    gaps: health.gaps,
    takeGaps: health.takeGaps,
    statuses: health.statuses,
    failures: health.failures,
    reset: (): void => {
      health.reset()
      for (const collector of guarded.values()) collector.reset()
    },
  }
}

function withGap(run: CollectorRun, scope: string, reason: string): CollectorRun {
  return { ...run, signals: { ...run.signals, gaps: [...run.signals.gaps, { scope, reason }] } }
}

/** Wraps a collector with its timeout, its state and validation. */
function guardCollector<Client>(
  name: string,
  collector: Collector<Client> | StreamingCollector<Client>,
  { client, validator, now, signal: stopping }: CollectorRunnerOptions<Client>,
) {
  const timeoutMs = collector.timeout === undefined ? DEFAULT_TIMEOUT_MS : toMilliseconds(collector.timeout)
  const validate = validator.forCollector()
  const limit = createEventLimit()
  /** When the run started that exceeded its timeout and has not settled yet. */
  let stuckSince: Date | undefined
  let state: unknown
  let resets = 0

  const collect = async ({ fullSnapshot = false, onMetrics }: RunOptions): Promise<ValidatedSignals> => {
    if (stuckSince !== undefined)
      throw new Error(`previous run still in progress since ${stuckSince.toISOString()}; skipping this one`)
    const startedAt = now()
    const resetsBefore = resets
    let isSettled = false
    let newState = state
    const swapState: CollectContext['swapState'] = <State>(next: State) => {
      const previous = newState as State | undefined
      newState = next
      return previous
    }
    const stream = createSignalStream(validator, onMetrics)
    try {
      const signals = await withTimeout('it', timeoutMs, stopping, async (signal) => {
        try {
          const result = await collector.collect(client, { signal, now, swapState, fullSnapshot })
          return isStream(result) ? await stream.read(result, signal) : result
        } finally {
          isSettled = true
          stuckSince = undefined
        }
      })
      const all = stream.addTo(await runInTimeSlices(validate(signals)))
      const events = limit.take(all.events)
      const reason = limit.reason()
      const flood = reason === undefined ? [] : [{ scope: `events:${name}`, reason }]
      const validated = { ...all, events, gaps: [...all.gaps, ...flood] }
      // After a reset, the output of this run is dropped, so its state is, too.
      if (resetsBefore === resets) state = newState
      return validated
    } finally {
      if (!isSettled && !stopping.aborted) stuckSince = startedAt
    }
  }
  return {
    collect,
    /** Discards the state: another agent has collected meanwhile. */
    reset: (): void => {
      resets += 1
      state = undefined
    },
  }
}
