import type { Connector, Watcher } from '../../connector/connector.ts'
import type { Gap } from '../../connector/signals.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { CollectorStatus } from '../../platform/protocol.ts'
import { type Failure, supervise } from '../../supervise.ts'
import { alignedSleep } from '../../timers.ts'
import { createEndedGaps } from '../report/ended-gaps.ts'
import { createEventLimit, type EventLimit } from '../validate/event-limit.ts'
import type { SignalValidator, ValidatedSignals } from '../validate/validate-signals.ts'
import type { CursorStore } from './cursor-store.ts'

/** A watcher that ran this long without failing counts as recovered, whether or not it emitted anything. */
const SETTLED_AFTER_MS = 60_000

/** An emitted gap would close with the next report, whether or not the watcher sees again. */
const GAPS_EMITTED = '`gaps`: a watcher reports a gap by rejecting'

export interface WatcherSupervisorOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly cursors: CursorStore
  readonly validator: Pick<SignalValidator, 'validate'>
  readonly redact: (text: string) => string
  readonly now: () => Date
  readonly log: Logger
  readonly emit: (signals: ValidatedSignals) => void
}

interface Running {
  readonly limits: ReturnType<typeof createLimits>
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
}

export type WatcherSupervisor = ReturnType<typeof createWatcherSupervisor>

/** Runs watchers and restarts those that fail, with backoff, from their cursors. */
export function createWatcherSupervisor<Client>(options: WatcherSupervisorOptions<Client>) {
  const watchers = Object.entries(options.connector.watchers ?? {})
  const health = createWatcherHealth(options)
  const limits = createLimits(options.now)
  return {
    /** Resolves when every watcher has ended, even one that ignores `signal`. */
    run: async (signal: AbortSignal): Promise<void> => {
      const running = { ...options, limits, startedAt: performance.now() }
      await Promise.all(watchers.map(([name, watcher]) => superviseWatcher(name, watcher, running, health, signal)))
    },
    gaps: (): Gap[] => [...health.gaps(), ...limits.gaps()],
    /** Returns the open gaps for a report, with those that ended since the last one and were not in it. */
    takeGaps: (): Gap[] => [...health.takeGaps(), ...limits.gaps()],
    /** Discards gaps that ended: another agent has watched meanwhile. */
    discardEndedGaps: health.discardEndedGaps,
    statuses: (): Record<string, CollectorStatus> =>
      Object.fromEntries(
        watchers.map(([name]) => {
          const error = health.errorOf(name)
          const ended = health.hasEnded(name) ? { ended: true as const } : {}
          return [name, error === undefined ? { ok: true, ...ended } : { ok: false, error, ...ended }]
        }),
      ),
  }
}

async function superviseWatcher<Client>(
  name: string,
  watcher: Watcher<Client>,
  options: WatcherSupervisorOptions<Client> & Running,
  health: WatcherHealth,
  signal: AbortSignal,
): Promise<void> {
  const onFailure = ({ error, failures, restartInMs }: Failure): void => {
    const previous = health.errorOf(name)
    const reason = health.fail(name, reasonOf(error))
    const level = reason === previous ? 'debug' : 'warn'
    options.log[level](
      { watcher: name, failures, restart_in_ms: Math.round(restartInMs), error: reason },
      'watcher failed, restarting',
    )
  }
  await supervise(
    async () => {
      await runWatcher(name, watcher, options, health, signal)
      health.recover(name)
      if (signal.aborted) return
      health.end(name)
      options.log.info({ watcher: name }, 'watcher ended')
    },
    { settledAfterMs: SETTLED_AFTER_MS, onSettled: () => health.recover(name), onFailure },
    signal,
  )
}

async function runWatcher<Client>(
  name: string,
  watcher: Watcher<Client>,
  { client, cursors, validator, now, emit, limits, startedAt }: WatcherSupervisorOptions<Client> & Running,
  health: WatcherHealth,
  signal: AbortSignal,
): Promise<void> {
  let hasEnded = false
  try {
    await watcher.watch(client, {
      signal,
      now,
      cursor: await cursors.read(name),
      saveCursor: async (cursor) => cursors.keep(name, cursor),
      sleep: alignedSleep(signal, startedAt),
      emit: (signals) => {
        // A stream that the failed run left open would repeat what the restarted one emits.
        if (hasEnded) return
        const validated = validator.validate(signals)
        const problems = [...validated.problems, ...(validated.gaps.length > 0 ? [GAPS_EMITTED] : [])]
        if (problems.length > 0) health.fail(name, `left out: ${problems.join('; ')}`)
        else health.recover(name)
        emit({ ...validated, events: limits.take(name, validated.events) })
      },
    })
  } finally {
    hasEnded = true
  }
}

/** Limits the events of each watcher. */
function createLimits(now: () => Date) {
  const limits = new Map<string, EventLimit>()
  const sinceOf = new Map<string, string>()
  return {
    take: (watcher: string, events: ValidatedSignals['events']): ValidatedSignals['events'] => {
      const limit = limits.get(watcher) ?? createEventLimit()
      limits.set(watcher, limit)
      return limit.take(events)
    },
    gaps: (): Gap[] =>
      [...limits].flatMap(([watcher, limit]): Gap[] => {
        const reason = limit.reason()
        if (reason === undefined) {
          sinceOf.delete(watcher)
          return []
        }
        const since = sinceOf.get(watcher) ?? now().toISOString()
        sinceOf.set(watcher, since)
        return [{ scope: `events:${watcher}`, reason, since }]
      }),
  }
}

type WatcherHealth = ReturnType<typeof createWatcherHealth>

/** Keeps which watchers fail at present, with time and reason. */
function createWatcherHealth({ redact, now }: Pick<WatcherSupervisorOptions<unknown>, 'redact' | 'now'>) {
  const failing = new Map<string, Gap>()
  const ended = new Set<string>()
  const endedGaps = createEndedGaps()
  const gaps = (): Gap[] => [...failing.values()]
  return {
    /** Records that the watcher has returned. */
    end: (watcher: string) => void ended.add(watcher),
    hasEnded: (watcher: string) => ended.has(watcher),
    /** Returns the reason, redacted and shortened. */
    fail: (watcher: string, text: string): string => {
      const reason = shortReason(text, redact)
      const since = failing.get(watcher)?.since ?? now().toISOString()
      failing.set(watcher, { scope: `watcher:${watcher}`, reason, since })
      return reason
    },
    recover: (watcher: string): void => {
      const gap = failing.get(watcher)
      if (gap !== undefined) endedGaps.add(gap, now())
      failing.delete(watcher)
    },
    errorOf: (watcher: string) => failing.get(watcher)?.reason,
    gaps,
    takeGaps: () => endedGaps.take(gaps()),
    discardEndedGaps: endedGaps.clear,
  }
}
