import { repeat, settleWithin } from '../timers.ts'
import type { Collection } from './collect/collector-runner.ts'
import type { Tell } from './collect/streamed-metrics.ts'
import type { Reporting } from './report/report-builder.ts'

/** Longest time that events wait for a report of their own, in milliseconds: an incident's first sign should not wait for a whole interval. */
const EVENT_DELAY = 500

/** How long a round waits for its collectors before it reports what has arrived, in milliseconds. Late ones are in the next report, which is soon where one comes for the first time. */
const PATIENCE = 5_000

export interface RoundsOptions {
  /** Collectors by name, with the milliseconds between two of their runs where that is not the interval. */
  readonly collectors: ReadonlyMap<string, number | undefined>
  /** Milliseconds. */
  readonly interval: number
  readonly collection: Pick<Collection, 'run' | 'isRunning'>
  readonly reporting: Pick<Reporting, 'add' | 'addPoints' | 'isFull' | 'hasNews' | 'takeOwed'>
  /** Puts together the next report and sends it on its way. Never rejects. */
  readonly report: () => Promise<void>
}

/** Rounds of collection, one report each. */
export interface Rounds {
  /** Collects on the interval until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** A watcher saw something: report soon. Does nothing once `run` has ended. */
  readonly hurry: () => void
}

/** Rounds that have not begun. */
export function createRounds({ collectors, interval, collection, reporting, report }: RoundsOptions): Rounds {
  const dueAt = new Map<string, number>()
  /** Collectors of which nothing has been reported yet. */
  const unheard = new Set(collectors.keys())
  let isGathering = false
  let soon: NodeJS.Timeout | undefined
  let ended = false
  let full: Promise<void> | undefined

  const reportNow = (): Promise<void> => {
    clearTimeout(soon)
    soon = undefined
    return report()
  }
  const hurry = (): void => {
    if (ended) return
    soon ??= setTimeout(() => {
      soon = undefined
      if (reporting.hasNews()) void report()
    }, EVENT_DELAY)
  }
  const tell: Tell = async (points) => {
    reporting.addPoints(points)
    if (!reporting.isFull()) return
    // One for all who tell: those that wait for it would each make another of what is left.
    full ??= reportNow().finally(() => {
      full = undefined
    })
    await full
  }
  const start = async (collector: string, signal: AbortSignal): Promise<void> => {
    const run = await collection.run(collector, { tell, fullSnapshot: reporting.takeOwed(collector) })
    // A run that stopping cut short says nothing of what is watched.
    if (!run.ok && signal.aborted) return
    reporting.add(run)
    // What is to be known of a large cluster at all takes longer than a round waits, but it need not wait for the next one.
    if (unheard.delete(collector) && !isGathering) hurry()
  }
  const round = async (signal: AbortSignal): Promise<void> => {
    const now = performance.now()
    // Half an interval of tolerance: a start that comes a little early is this one, not the next.
    const due = [...collectors].filter(
      ([name]) => !collection.isRunning(name) && (dueAt.get(name) ?? 0) <= now + interval / 2,
    )
    for (const [name, every = interval] of due) dueAt.set(name, now + Math.max(interval, every))
    isGathering = true
    await settleWithin(Promise.all(due.map(([name]) => start(name, signal))), Math.min(PATIENCE, interval / 2))
    isGathering = false
    if (!signal.aborted) await reportNow()
  }

  return {
    run: async (signal) => {
      await repeat({ intervalMs: () => interval, task: () => round(signal) }, signal)
      ended = true
      clearTimeout(soon)
    },
    hurry,
  }
}
