import { repeat, settleWithin } from '../timers.ts'
import type { CollectorRunner } from './collect/collector-runner.ts'
import type { MetricSink } from './collect/signal-stream.ts'
import type { ReportBuilder } from './report/report-builder.ts'

/** Time that events wait for a report of their own: an incident's first sign should not wait for a whole interval. */
const EVENT_DELAY_MS = 500

/** Time that a cycle waits for its collectors before it reports. Later results are part of the next report. */
const CYCLE_TIMEOUT_MS = 5_000

export interface CollectionSchedulerOptions {
  /** Collectors by name, with the milliseconds between two runs, `undefined` for the agent's interval. */
  readonly collectors: ReadonlyMap<string, number | undefined>
  readonly intervalMs: number
  readonly runner: Pick<CollectorRunner, 'run' | 'isRunning'>
  readonly reports: Pick<ReportBuilder, 'addRun' | 'addMetrics' | 'isFull' | 'hasContent' | 'takePendingResync'>
  /** Builds the next report and queues it. Never rejects. */
  readonly report: () => Promise<void>
}

export type CollectionScheduler = ReturnType<typeof createCollectionScheduler>

/** Schedules collection cycles, with one report each. */
export function createCollectionScheduler({
  collectors,
  intervalMs,
  runner,
  reports,
  report,
}: CollectionSchedulerOptions) {
  const dueAt = new Map<string, number>()
  const neverReported = new Set(collectors.keys())
  let isCycleRunning = false
  let delayedReport: NodeJS.Timeout | undefined
  let hasEnded = false
  let makingRoom: Promise<void> | undefined

  const reportNow = (): Promise<void> => {
    clearTimeout(delayedReport)
    delayedReport = undefined
    return report()
  }
  const reportSoon = (): void => {
    if (hasEnded) return
    delayedReport ??= setTimeout(() => {
      delayedReport = undefined
      if (reports.hasContent()) void report()
    }, EVENT_DELAY_MS)
  }
  const onMetrics: MetricSink = async (points) => {
    reports.addMetrics(points)
    if (!reports.isFull()) return
    // Shared by all collectors: each of those that wait would otherwise build another report.
    makingRoom ??= reportNow().finally(() => {
      makingRoom = undefined
    })
    await makingRoom
  }
  const runCollector = async (collector: string, signal: AbortSignal): Promise<void> => {
    const run = await runner.run(collector, { onMetrics, fullSnapshot: reports.takePendingResync(collector) })
    // The stop interrupted the run: its failure is not the collector's.
    if (!run.ok && signal.aborted) return
    reports.addRun(run)
    // The first result of a slow collector should not wait for the next cycle.
    if (neverReported.delete(collector) && !isCycleRunning) reportSoon()
  }
  const runCycle = async (signal: AbortSignal): Promise<void> => {
    const now = performance.now()
    // Half an interval of tolerance: a cycle that starts a little early is not the previous one.
    const due = [...collectors].filter(
      ([name]) => !runner.isRunning(name) && (dueAt.get(name) ?? 0) <= now + intervalMs / 2,
    )
    for (const [name, own = intervalMs] of due) dueAt.set(name, now + Math.max(intervalMs, own))
    isCycleRunning = true
    const runs = due.map(([name]) => runCollector(name, signal))
    await settleWithin(Promise.all(runs), Math.min(CYCLE_TIMEOUT_MS, intervalMs / 2))
    isCycleRunning = false
    if (!signal.aborted) await reportNow()
  }

  return {
    /** Collects on the interval until `signal` aborts. */
    run: async (signal: AbortSignal): Promise<void> => {
      await repeat(
        () => intervalMs,
        () => runCycle(signal),
        signal,
      )
      hasEnded = true
      clearTimeout(delayedReport)
    },
    /** Reports within half a second: a watcher emitted something. Does nothing after `run` has ended. */
    reportSoon,
  }
}
