import type { FastifyBaseLogger } from 'fastify'
import type { Store } from './store/store.ts'

const RETENTION_INTERVAL_MS = 10 * 60_000

export interface RetentionJobOptions {
  readonly store: Pick<Store, 'retain'>
  readonly now: () => number
  /** How long data is stored. */
  readonly retentionMs: number
  readonly log: FastifyBaseLogger
}

/** Removes old data: once when started, then periodically. */
export interface RetentionJob {
  start(): void
  /** Runs once, or joins the current run. */
  run(): Promise<void>
  /** Cancels further runs. Resolves when the current one has ended. */
  stop(): Promise<void>
}

export function createRetentionJob({ store, now, retentionMs, log }: RetentionJobOptions): RetentionJob {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const run = (): Promise<void> => {
    running ??= store
      .retain(now() - retentionMs, now())
      .then((removed) => log.info({ removed }, 'retention applied'))
      .finally(() => {
        running = undefined
      })
    return running
  }

  return {
    run,
    start: () => {
      const attempt = (): void => {
        run().catch((error: unknown) => log.error({ err: error }, 'retention failed: retrying at the next interval'))
      }
      timer = setInterval(attempt, RETENTION_INTERVAL_MS).unref()
      attempt()
    },
    stop: async () => {
      clearInterval(timer)
      await running?.catch(() => undefined)
    },
  }
}
