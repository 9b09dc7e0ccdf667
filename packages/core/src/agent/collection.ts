import { performance } from 'node:perf_hooks'
import type { Connector } from '../connector.ts'
import { toMilliseconds } from '../duration.ts'
import type { CollectorStatus } from '../platform/protocol.ts'
import type { Gap, Signals } from '../signals.ts'
import type { CheckedSignals } from './check-signals.ts'
import { withDeadline } from './deadline.ts'

/** How long one run of a collector may take unless it says otherwise, in milliseconds. */
const DEADLINE = 10_000

/** What one run of a collector came to. */
export interface CollectorRun {
  readonly collector: string
  readonly ok: boolean
  readonly durationMs: number
  readonly signals: CheckedSignals
}

export interface CollectionOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly check: (signals: Signals) => CheckedSignals
  /** Takes secrets out of error messages. */
  readonly redact: (text: string) => string
  readonly now: () => Date
  /** Aborts what is running. */
  readonly signal: AbortSignal
}

/** Runs collectors: each isolated, under its own deadline, never beside itself. */
export interface Collection {
  /** Runs one collector now, or joins its run. Never rejects: what went wrong is in the run, in `gaps` and in `statuses`. */
  run(collector: string): Promise<CollectorRun>
  /** Whether a run of this collector has started and may still be joined. */
  isRunning(collector: string): boolean
  /** Everything that cannot be seen at the moment. */
  gaps(): Gap[]
  /** How each collector's last run went. */
  statuses(): Record<string, CollectorStatus>
  /** Runs that failed, by collector, since the start. */
  failures(): ReadonlyMap<string, number>
}

const NOTHING: CheckedSignals = { entities: [], metrics: [], events: [], gaps: [], problems: [] }

/** A collection over an open client. */
export function createCollection<Client>(options: CollectionOptions<Client>): Collection {
  const { connector, client, check, redact, now } = options
  const joinable = new Map<string, Promise<CollectorRun>>()
  const hanging = new Map<string, Date>()
  const memories = new Map<string, unknown>()
  const statuses = new Map<string, CollectorStatus>()
  const failures = new Map<string, number>()
  const open = new Map<string, Gap[]>()

  const settle = (
    collector: string,
    startedAt: Date,
    durationMs: number,
    signals: CheckedSignals,
    error: string | undefined,
  ): CollectorRun => {
    const since = new Map((open.get(collector) ?? []).map((gap) => [gap.scope, gap.since]))
    const own: CheckedSignals['gaps'] = error === undefined ? [] : [{ scope: `collector:${collector}`, reason: error }]
    open.set(
      collector,
      [...own, ...signals.gaps].map((gap) => ({
        ...gap,
        reason: redact(gap.reason),
        since: gap.since ?? since.get(gap.scope) ?? startedAt.toISOString(),
      })),
    )
    if (error !== undefined) failures.set(collector, (failures.get(collector) ?? 0) + 1)
    statuses.set(collector, {
      ok: error === undefined,
      duration_ms: Math.round(durationMs * 1000) / 1000,
      ...(error === undefined ? {} : { error }),
    })
    return { collector, ok: error === undefined, durationMs, signals }
  }

  const start = async (name: string): Promise<CollectorRun> => {
    const collector = connector.collectors[name]
    if (collector === undefined) throw new TypeError(`\`${name}\` is no collector of \`${connector.type}\``)
    const startedAt = now()
    const stuckSince = hanging.get(name)
    if (stuckSince !== undefined)
      return settle(
        name,
        startedAt,
        0,
        NOTHING,
        `it has not come back since ${stuckSince.toISOString()}; it is not run again before it does`,
      )
    const begin = performance.now()
    const remember = <Reading>(reading: Reading): Reading | undefined => {
      const before = memories.get(name)
      memories.set(name, reading)
      return before as Reading | undefined
    }
    let finished = false
    try {
      const deadline = collector.deadline === undefined ? DEADLINE : toMilliseconds(collector.deadline)
      const signals = await withDeadline('it', deadline, options.signal, async (signal) => {
        try {
          return await collector.collect(client, { signal, now, remember })
        } finally {
          finished = true
          hanging.delete(name)
        }
      })
      const checked = check(signals)
      const error =
        checked.problems.length > 0 ? shortened(redact(`left out: ${checked.problems.join('; ')}`)) : undefined
      return settle(name, startedAt, performance.now() - begin, checked, error)
    } catch (error) {
      if (!finished) hanging.set(name, startedAt)
      return settle(name, startedAt, performance.now() - begin, NOTHING, shortened(redact(reasonOf(error))))
    }
  }

  return {
    run: (name) => {
      const running = joinable.get(name)
      if (running !== undefined) return running
      const run = start(name).finally(() => joinable.delete(name))
      joinable.set(name, run)
      return run
    },
    isRunning: (name) => joinable.has(name),
    gaps: () => [...open.values()].flat(),
    statuses: () => Object.fromEntries(statuses),
    failures: () => failures,
  }
}

/** What an error says, without a stack trace. Whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  if (error instanceof Error) return error.message === '' ? error.name : error.message
  return `it threw ${typeof error === 'string' ? `"${error}"` : String(error)}`
}

function shortened(text: string): string {
  return text.length <= 2000 ? text : `${text.slice(0, 1999)}…`
}
