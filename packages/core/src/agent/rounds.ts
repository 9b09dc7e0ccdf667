import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Collection } from './collection.ts'
import type { Reporting } from './reporting.ts'
import { repeat } from './schedule.ts'

/** Longest time that events wait for a report of their own, in milliseconds: an incident's first sign should not wait for a whole interval. */
const EVENT_DELAY = 500

/** How long a round waits for its collectors before it reports what has arrived, in milliseconds. Late ones are in the next report. */
const PATIENCE = 5_000

export interface RoundsOptions {
  readonly collectors: readonly string[]
  /** Milliseconds. */
  readonly interval: number
  readonly collection: Collection
  readonly reporting: Pick<Reporting, 'add' | 'period' | 'hasWatched'>
  /** Puts together the next report and sends it on its way. */
  readonly report: () => void
}

/** Rounds of collection, one report each. */
export interface Rounds {
  /** Collects on the interval until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** A watcher saw something: report soon. */
  readonly hurry: () => void
}

/** Rounds that have not begun. */
export function createRounds({ collectors, interval, collection, reporting, report }: RoundsOptions): Rounds {
  const dueAt = new Map<string, number>()
  let soon: NodeJS.Timeout | undefined

  const reportNow = (): void => {
    clearTimeout(soon)
    soon = undefined
    report()
  }
  const start = (collector: string): Promise<void> => collection.run(collector).then((run) => reporting.add(run))

  const round = async (signal: AbortSignal): Promise<void> => {
    const now = performance.now()
    // Half an interval of tolerance: a start that comes a little early is this one, not the next.
    const due = collectors.filter((name) => !collection.isRunning(name) && (dueAt.get(name) ?? 0) <= now + interval / 2)
    for (const name of due) dueAt.set(name, now + reporting.period(name, interval))
    const patience = new AbortController()
    const all = Promise.all(due.map(start))
    await Promise.race([
      all,
      sleep(Math.min(PATIENCE, interval / 2), undefined, { signal: AbortSignal.any([signal, patience.signal]) }).catch(
        () => undefined,
      ),
    ])
    patience.abort()
    if (!signal.aborted) reportNow()
  }

  return {
    run: async (signal) => {
      await repeat({ interval: () => interval, task: () => round(signal) }, signal)
      clearTimeout(soon)
    },
    hurry: () => {
      soon ??= setTimeout(() => {
        soon = undefined
        if (reporting.hasWatched()) report()
      }, EVENT_DELAY)
    },
  }
}
