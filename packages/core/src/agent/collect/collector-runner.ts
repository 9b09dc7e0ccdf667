import { toMilliseconds } from '../../config/duration.ts'
import type { CollectContext, Collector, Connector } from '../../connector/connector.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import { runInTimeSlices } from '../../event-loop.ts'
import type { Logger } from '../../logger.ts'
import { withTimeout } from '../../timers.ts'
import type { CheckedSignals, SignalCheck } from '../validate/validate-signals.ts'
import { type CollectionRecord, type CollectorRun, createCollectionRecord } from './collector-health.ts'
import { createRunPoints, type Tell } from './streamed-metrics.ts'

/** How long one run of a collector may take unless it says otherwise, in milliseconds. */
const DEADLINE = 10_000

export interface CollectionOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly check: SignalCheck
  /** Takes secrets out of error messages. */
  readonly redact: (text: string) => string
  readonly now: () => Date
  readonly log: Logger
  /** Aborts what is running. */
  readonly signal: AbortSignal
}

/** Runs collectors: each isolated, under its own deadline, never beside itself. */
export interface Collection extends Omit<CollectionRecord, 'add'> {
  /** Runs one collector now, or joins its run. Never rejects: what went wrong is in the run, in `gaps` and in `statuses`. A run that `signal` cuts short is not ok and leaves no trace there. */
  run(collector: string, mode?: Mode): Promise<CollectorRun>
  /** The same, but it joins no run that tells only what has changed: it runs after it. */
  runAlone(collector: string): Promise<CollectorRun>
  /** Whether a run of this collector has started and may still be joined. */
  isRunning(collector: string): boolean
}

const NOTHING: CheckedSignals = { entities: [], metrics: [], events: [], gaps: [], problems: [] }

/** A collection over an open client. */
export function createCollection<Client>(options: CollectionOptions<Client>): Collection {
  const { connector, redact, now } = options
  const record = createCollectionRecord(redact, options.log)
  const joinable = new Map<string, Promise<CollectorRun>>()
  const readers = new Map(
    Object.entries(connector.collectors).map(([name, collector]) => [name, createReader(collector, options)]),
  )

  const runNow = async (collector: string, mode: Mode): Promise<CollectorRun> => {
    const startedAt = now()
    const begin = performance.now()
    const ended = (signals: CheckedSignals, error: string | undefined): CollectorRun => {
      const durationMs = performance.now() - begin
      const { fullSnapshot = false } = mode
      const why = error === undefined ? {} : { error }
      return { collector, fullSnapshot, ok: error === undefined, durationMs, signals, ...why }
    }
    let run: CollectorRun
    try {
      const reader = readers.get(collector)
      if (reader === undefined) throw new TypeError(`\`${collector}\` is no collector of \`${connector.type}\``)
      const signals = await reader.read(mode)
      const left = signals.problems.length === 0 ? undefined : `left out: ${signals.problems.join('; ')}`
      run = ended(signals, left === undefined ? undefined : shortReason(left, redact))
    } catch (error) {
      run = ended(NOTHING, shortReason(reasonOf(error), redact))
      if (options.signal.aborted) return run
    }
    record.add(run, startedAt)
    return run
  }

  const start = (name: string, mode: Mode): Promise<CollectorRun> => {
    const run = runNow(name, mode).finally(() => joinable.delete(name))
    joinable.set(name, run)
    return run
  }

  return {
    run: (name, mode = {}) => joinable.get(name) ?? start(name, mode),
    runAlone: async (name) => {
      while (joinable.has(name)) await joinable.get(name)
      return start(name, { fullSnapshot: true })
    },
    isRunning: (name) => joinable.has(name),
    gaps: record.gaps,
    statuses: record.statuses,
    failures: record.failures,
    forget: () => {
      record.forget()
      for (const reader of readers.values()) reader.forget()
    },
  }
}

/** How a collector is run. */
export interface Mode {
  /** What has not changed is told as well. @default false */
  readonly fullSnapshot?: boolean
  /** Takes what it tells before it has come back. Without it, that is part of what it says in the end. */
  readonly tell?: Tell
}

/** One collector, and what it remembers. */
interface Reader {
  read(mode: Mode): Promise<CheckedSignals>
  /** What it has told was told by another since. */
  forget(): void
}

/** Runs one collector under its deadline. A run that did not come back keeps the next ones from starting until it does. */
function createReader<Client>(
  collector: Collector<Client>,
  { client, check, now, signal: stopping }: CollectionOptions<Client>,
): Reader {
  const deadline = collector.timeout === undefined ? DEADLINE : toMilliseconds(collector.timeout)
  const checking = check.repeatedly()
  let hangsSince: Date | undefined
  /** What the last run that went well kept. */
  let memory: unknown
  /** Counts how often everything was forgotten. */
  let life = 0

  const read = async ({ fullSnapshot = false, tell: send }: Mode): Promise<CheckedSignals> => {
    if (hangsSince !== undefined)
      throw new Error(`it has not come back since ${hangsSince.toISOString()}; it is not run again before it does`)
    const startedAt = now()
    const own = life
    let finished = false
    let kept = memory
    const swapState: CollectContext['swapState'] = <Reading>(reading: Reading) => {
      const before = kept as Reading | undefined
      kept = reading
      return before
    }
    const points = createRunPoints(check, send)
    try {
      const signals = await withTimeout('it', deadline, stopping, async (signal) => {
        const tell: CollectContext['tell'] = (told) =>
          points.take(told, () => {
            signal.throwIfAborted()
            if (finished) throw new Error('this run of the collector has ended: its points come too late')
          })
        try {
          return await collector.collect(client, { signal, now, swapState, tell, fullSnapshot })
        } finally {
          finished = true
          hangsSince = undefined
        }
      })
      const checked = points.with(await runInTimeSlices(checking(signals)))
      // Of a run whose signals nobody gets nothing is remembered: it has told nothing.
      if (own === life) memory = kept
      return checked
    } finally {
      if (!finished && !stopping.aborted) hangsSince = startedAt
    }
  }
  return {
    read,
    forget: () => {
      life += 1
      memory = undefined
    },
  }
}
