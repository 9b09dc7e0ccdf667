import type { FastifyBaseLogger } from 'fastify'
import type { Store } from './store/store.ts'

/** Between two runs, in milliseconds. */
const EVERY = 10 * 60_000

export interface RetentionJobOptions {
  readonly store: Pick<Store, 'retain'>
  readonly now: () => number
  /** How long things are kept, in milliseconds. */
  readonly retention: number
  readonly log: FastifyBaseLogger
}

/** Removes what is too old: at once when it is started, then again and again. */
export interface RetentionJob {
  start(): void
  /** Runs once, or joins the run that is on its way. */
  run(): Promise<void>
  /** No further runs. Resolves when the last one has ended. */
  stop(): Promise<void>
}

export function createRetentionJob({ store, now, retention, log }: RetentionJobOptions): RetentionJob {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const run = (): Promise<void> => {
    running ??= store
      .retain(now() - retention, now())
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
        run().catch((error: unknown) => log.error({ err: error }, 'retention failed and is tried again'))
      }
      timer = setInterval(attempt, EVERY).unref()
      attempt()
    },
    stop: async () => {
      clearInterval(timer)
      await running?.catch(() => undefined)
    },
  }
}
