import type { Connector, Watcher } from '../../connector/connector.ts'
import type { Gap } from '../../connector/signals.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { CollectorStatus } from '../../platform/protocol.ts'
import { type Failure, supervise } from '../../supervise.ts'
import { abortableSleep } from '../../timers.ts'
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

export type WatcherSupervisor = ReturnType<typeof createWatcherSupervisor>

/** Runs watchers and restarts those that fail, with backoff, from their cursors. */
export function createWatcherSupervisor<Client>(options: WatcherSupervisorOptions<Client>) {
  const watchers = Object.entries(options.connector.watchers ?? {})
  const health = createWatcherHealth(options)
  return {
    /** Resolves when every watcher has ended, even one that ignores `signal`. */
    run: async (signal: AbortSignal): Promise<void> => {
      await Promise.all(watchers.map(([name, watcher]) => superviseWatcher(name, watcher, options, health, signal)))
    },
    gaps: health.gaps,
    statuses: (): Record<string, CollectorStatus> =>
      Object.fromEntries(
        watchers.map(([name]) => {
          const error = health.errorOf(name)
          return [name, error === undefined ? { ok: true } : { ok: false, error }]
        }),
      ),
  }
}

async function superviseWatcher<Client>(
  name: string,
  watcher: Watcher<Client>,
  options: WatcherSupervisorOptions<Client>,
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
    },
    { settledAfterMs: SETTLED_AFTER_MS, onSettled: () => health.recover(name), onFailure },
    signal,
  )
}

async function runWatcher<Client>(
  name: string,
  watcher: Watcher<Client>,
  { client, cursors, validator, now, emit }: WatcherSupervisorOptions<Client>,
  health: WatcherHealth,
  signal: AbortSignal,
): Promise<void> {
  let hasEnded = false
  try {
    await watcher.watch(client, {
      signal,
      now,
      cursor: await cursors.read(name),
      saveCursor: (cursor) => cursors.save(name, cursor),
      sleep: abortableSleep(signal),
      emit: (signals) => {
        // A stream that the failed run left open would repeat what the restarted one emits.
        if (hasEnded) return
        const validated = validator.validate(signals)
        const problems = [...validated.problems, ...(validated.gaps.length > 0 ? [GAPS_EMITTED] : [])]
        if (problems.length > 0) health.fail(name, `left out: ${problems.join('; ')}`)
        else health.recover(name)
        emit(validated)
      },
    })
  } finally {
    hasEnded = true
  }
}

type WatcherHealth = ReturnType<typeof createWatcherHealth>

/** Keeps which watchers fail at present, with time and reason. */
function createWatcherHealth({ redact, now }: Pick<WatcherSupervisorOptions<unknown>, 'redact' | 'now'>) {
  const failing = new Map<string, Gap>()
  return {
    /** Returns the reason, redacted and shortened. */
    fail: (watcher: string, text: string): string => {
      const reason = shortReason(text, redact)
      const since = failing.get(watcher)?.since ?? now().toISOString()
      failing.set(watcher, { scope: `watcher:${watcher}`, reason, since })
      return reason
    },
    recover: (watcher: string) => void failing.delete(watcher),
    errorOf: (watcher: string) => failing.get(watcher)?.reason,
    gaps: () => [...failing.values()],
  }
}
