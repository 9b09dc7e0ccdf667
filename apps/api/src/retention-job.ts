import type { FastifyBaseLogger } from 'fastify'
import type { Store } from './store/store.ts'

const RETENTION_INTERVAL_MS = 10 * 60_000

/** Difference between the clock and the uptime from which the clock counts as set forward. */
const MIN_CLOCK_JUMP_MS = 60 * 60_000

/** A clock that was set forward is trusted after this time. */
const CLOCK_JUMP_HOLD_MS = 24 * 60 * 60_000

export interface RetentionJobOptions {
  readonly store: Pick<Store, 'retain' | 'pack' | 'lastSeenAt'>
  readonly now: () => number
  /**
   * Milliseconds since any moment, by a clock that is never set. After the clock jumped forward, also before the start,
   * nothing is removed or packed for a day: it may be set back. Without it, jumps are not noticed.
   */
  readonly uptime?: () => number
  /** How long data is stored. */
  readonly retentionMs: number
  readonly log: FastifyBaseLogger
}

/** Removes old data and packs points: once when started, then periodically. */
export interface RetentionJob {
  start(): void
  /** Runs once, or joins the current run. */
  run(): Promise<void>
  /** Cancels further runs. Resolves when the current one has ended: a store that is packed goes on later. */
  stop(): Promise<void>
}

export function createRetentionJob({ store, now, uptime, retentionMs, log }: RetentionJobOptions): RetentionJob {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const ending = new AbortController()

  const isClockTrusted = createClockCheck(store, now, uptime)

  const attempt = async (): Promise<void> => {
    if (!(await isClockTrusted()))
      return log.warn({ clock: new Date(now()).toISOString() }, 'retention waits: the clock was set forward')
    log.info({ removed: await store.retain(now() - retentionMs, now()) }, 'retention applied')
    const points = await store.pack(now(), ending.signal)
    if (points > 0) log.info({ points }, 'points packed')
  }
  const run = (): Promise<void> => {
    running ??= attempt().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    run,
    start: () => {
      const runOnce = (): void => {
        run().catch((error: unknown) =>
          log.error({ err: error }, 'retention or packing failed: retrying at the next interval'),
        )
      }
      timer = setInterval(runOnce, RETENTION_INTERVAL_MS).unref()
      runOnce()
    },
    stop: async () => {
      clearInterval(timer)
      ending.abort()
      await running?.catch(() => undefined)
    },
  }
}

/** Creates a function that returns false within a day after the clock was set forward. */
function createClockCheck(
  store: Pick<Store, 'lastSeenAt'>,
  now: () => number,
  uptime: (() => number) | undefined,
): () => Promise<boolean> {
  let trusted: { readonly time: number; readonly uptime: number } | undefined
  let jumpedAt: number | undefined
  return async () => {
    if (uptime === undefined) return true
    trusted ??= { time: (await store.lastSeenAt()) ?? now(), uptime: uptime() }
    const current = { time: now(), uptime: uptime() }
    const jump = current.time - trusted.time - (current.uptime - trusted.uptime)
    jumpedAt = jump > MIN_CLOCK_JUMP_MS ? (jumpedAt ?? current.uptime) : undefined
    if (jumpedAt !== undefined && current.uptime - jumpedAt < CLOCK_JUMP_HOLD_MS) return false
    jumpedAt = undefined
    trusted = current
    return true
  }
}
