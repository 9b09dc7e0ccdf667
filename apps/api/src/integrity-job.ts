import type { FastifyBaseLogger } from 'fastify'
import type { Store } from './store/store.ts'

/** Time after the start of the first check. */
const FIRST_CHECK_DELAY_MS = 10_000

const CHECK_INTERVAL_MS = 24 * 60 * 60_000

export interface IntegrityJobOptions {
  readonly store: Pick<Store, 'findDamage'>
  readonly log: FastifyBaseLogger
}

/** Checks the whole database for damage: shortly after the start, then every day. */
export interface IntegrityJob {
  start(): void
  /** Ends a running check. */
  stop(): void
}

export function createIntegrityJob({ store, log }: IntegrityJobOptions): IntegrityJob {
  const ending = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const check = async (): Promise<void> => {
    try {
      const problems = await store.findDamage(ending.signal)
      if (problems.length === 0) log.info('database checked')
      else log.error({ problems }, 'the database is damaged: stop the platform, and restore a backup')
    } catch (error) {
      log.error({ err: error }, 'the database could not be checked: retrying at the next interval')
    }
    if (!ending.signal.aborted) timer = setTimeout(check, CHECK_INTERVAL_MS).unref()
  }
  return {
    start: () => {
      timer = setTimeout(check, FIRST_CHECK_DELAY_MS).unref()
    },
    stop: () => {
      ending.abort()
      clearTimeout(timer)
    },
  }
}
