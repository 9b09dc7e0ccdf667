import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Backoff, fullJitter } from '../backoff.ts'
import type { Connector, Watcher } from '../connector.ts'
import { toMilliseconds } from '../duration.ts'
import type { Logger } from '../logger.ts'
import type { CollectorStatus } from '../platform/protocol.ts'
import type { Gap, Signals } from '../signals.ts'
import type { StateStore } from '../state/state-store.ts'
import type { CheckedSignals } from './check-signals.ts'
import { reasonOf } from './collection.ts'

const RESTART: Backoff = { base: 1_000, cap: 60_000 }

/** A watcher that ran this long before it failed starts counting its failures anew, in milliseconds. */
const SETTLED = 60_000

export interface WatchingOptions<Client> {
  readonly connector: Connector<unknown, Client>
  readonly client: Client
  readonly state: StateStore
  readonly check: (signals: Signals) => CheckedSignals
  readonly redact: (text: string) => string
  readonly now: () => Date
  readonly log: Logger
  /** Takes what a watcher saw. */
  readonly emit: (signals: CheckedSignals) => void
}

/** Keeps watchers running: restarts what fails, with backoff, from its cursor. */
export interface Watching {
  /** Resolves when `signal` has aborted and every watcher that heeds it has ended. */
  run(signal: AbortSignal): Promise<void>
  gaps(): Gap[]
  statuses(): Record<string, CollectorStatus>
}

/** A keeper over a connector's watchers. */
export function createWatching<Client>(options: WatchingOptions<Client>): Watching {
  const { connector, client, state, check, redact, now, log, emit } = options
  const failing = new Map<string, Gap>()
  const watchers = Object.entries(connector.watchers ?? {})

  const fail = (name: string, reason: string): void => {
    const scope = `watcher:${name}`
    failing.set(name, { scope, reason, since: failing.get(name)?.since ?? now().toISOString() })
  }

  const runOnce = async (name: string, watcher: Watcher<Client>, signal: AbortSignal): Promise<void> => {
    const key = `cursor-${name}`
    await watcher.watch(client, {
      signal,
      now,
      cursor: await state.read(key),
      saveCursor: (cursor) => state.write(key, cursor),
      sleep: (duration) => sleep(toMilliseconds(duration), undefined, { signal }),
      emit: (signals) => {
        const checked = check(signals)
        if (checked.problems.length > 0) fail(name, redact(`left out: ${checked.problems.join('; ')}`))
        else failing.delete(name)
        emit(checked)
      },
    })
  }

  const keepRunning = async (name: string, watcher: Watcher<Client>, signal: AbortSignal): Promise<void> => {
    for (let failures = 1; ; failures += 1) {
      const begin = performance.now()
      // A restarted watcher that does not fail again is healthy, whether or not it has anything to say.
      const healthy = setTimeout(() => failing.delete(name), SETTLED)
      try {
        await runOnce(name, watcher, signal)
        failing.delete(name)
        return
      } catch (error) {
        if (signal.aborted) return
        if (performance.now() - begin >= SETTLED) failures = 1
        const wait = fullJitter(failures, RESTART)
        const reason = redact(reasonOf(error)).slice(0, 2000)
        fail(name, reason)
        log.warn(
          { watcher: name, failures, restart_in_ms: Math.round(wait) },
          `the watcher \`${name}\` failed and is started again: ${reason}`,
        )
        await sleep(wait, undefined, { signal }).catch(() => undefined)
        if (signal.aborted) return
      } finally {
        clearTimeout(healthy)
      }
    }
  }

  return {
    run: async (signal) => {
      await Promise.all(watchers.map(([name, watcher]) => keepRunning(name, watcher, signal)))
    },
    gaps: () => [...failing.values()],
    statuses: () =>
      Object.fromEntries(
        watchers.map(([name]): [string, CollectorStatus] => {
          const gap = failing.get(name)
          return [name, { ok: gap === undefined, duration_ms: 0, ...(gap === undefined ? {} : { error: gap.reason }) }]
        }),
      ),
  }
}
