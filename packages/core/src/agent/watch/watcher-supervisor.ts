import type { Connector, Watcher } from '../../connector/connector.ts'
import type { Gap, Signals } from '../../connector/signals.ts'
import { reasonOf, shortReason } from '../../errors/error-reason.ts'
import type { Logger } from '../../logger.ts'
import type { CollectorStatus } from '../../platform/protocol.ts'
import { type Failure, supervise } from '../../supervise.ts'
import { abortableSleep } from '../../timers.ts'
import type { CheckedSignals } from '../validate/validate-signals.ts'
import type { Cursors } from './cursor-store.ts'

/** A watcher that ran this long without failing counts as recovered. */
const SETTLED_AFTER_MS = 60_000

/** A gap that a watcher emits would close with the next report, whether or not it can see again. */
const GAPS_EMITTED = '`gaps`: a watcher says that it cannot see by rejecting'

export interface WatchingOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly cursors: Cursors
  readonly check: (signals: Signals) => CheckedSignals
  readonly redact: (text: string) => string
  readonly now: () => Date
  readonly log: Logger
  /** Takes what a watcher saw. */
  readonly emit: (signals: CheckedSignals) => void
}

/** Keeps watchers running: restarts what fails, with backoff, from its cursor. */
export interface Watching {
  /** Resolves when every watcher has ended: by itself, or because `signal` aborted. One that ignores `signal` keeps it waiting. */
  run(signal: AbortSignal): Promise<void>
  gaps(): Gap[]
  statuses(): Record<string, CollectorStatus>
}

/** A keeper over a connector's watchers. */
export function createWatching<Client>(options: WatchingOptions<Client>): Watching {
  const watchers = Object.entries(options.connector.watchers ?? {})
  const health = createHealth(options)
  return {
    run: async (signal) => {
      await Promise.all(watchers.map(([name, watcher]) => keepRunning(name, watcher, options, health, signal)))
    },
    gaps: health.gaps,
    statuses: () =>
      Object.fromEntries(
        watchers.map(([name]): [string, CollectorStatus] => {
          const error = health.errorOf(name)
          return [name, { ok: error === undefined, ...(error === undefined ? {} : { error }) }]
        }),
      ),
  }
}

async function keepRunning<Client>(
  name: string,
  watcher: Watcher<Client>,
  options: WatchingOptions<Client>,
  health: Health,
  signal: AbortSignal,
): Promise<void> {
  const fail = ({ error, failures, restartInMs }: Failure): void => {
    const known = health.errorOf(name)
    const reason = health.fail(name, reasonOf(error))
    const level = reason === known ? 'debug' : 'warn'
    options.log[level](
      { watcher: name, failures, restart_in_ms: Math.round(restartInMs) },
      `the watcher \`${name}\` failed and is started again: ${reason}`,
    )
  }
  await supervise(
    async () => {
      await runOnce(name, watcher, options, health, signal)
      health.recover(name)
    },
    { settledAfterMs: SETTLED_AFTER_MS, onSettled: () => health.recover(name), onFailure: fail },
    signal,
  )
}

async function runOnce<Client>(
  name: string,
  watcher: Watcher<Client>,
  { client, cursors, check, now, emit }: WatchingOptions<Client>,
  health: Health,
  signal: AbortSignal,
): Promise<void> {
  let ended = false
  try {
    await watcher.watch(client, {
      signal,
      now,
      cursor: await cursors.read(name),
      saveCursor: (cursor) => cursors.save(name, cursor),
      sleep: abortableSleep(signal),
      emit: (signals) => {
        // A stream that was left open speaks on beside the one that its watcher opened when it was started again.
        if (ended) return
        const checked = check(signals)
        const problems = [...checked.problems, ...(checked.gaps.length > 0 ? [GAPS_EMITTED] : [])]
        if (problems.length > 0) health.fail(name, `left out: ${problems.join('; ')}`)
        else health.recover(name)
        emit(checked)
      },
    })
  } finally {
    ended = true
  }
}

/** Which watchers fail, since when and why. */
interface Health {
  /** Returns the reason as it is shown. */
  fail(watcher: string, reason: string): string
  recover(watcher: string): void
  errorOf(watcher: string): string | undefined
  gaps(): Gap[]
}

function createHealth({ redact, now }: Pick<WatchingOptions<unknown>, 'redact' | 'now'>): Health {
  const failing = new Map<string, Gap>()
  return {
    fail: (watcher, reason) => {
      const shown = shortReason(reason, redact)
      const since = failing.get(watcher)?.since ?? now().toISOString()
      failing.set(watcher, { scope: `watcher:${watcher}`, reason: shown, since })
      return shown
    },
    recover: (watcher) => void failing.delete(watcher),
    errorOf: (watcher) => failing.get(watcher)?.reason,
    gaps: () => [...failing.values()],
  }
}
