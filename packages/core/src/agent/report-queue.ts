import type { Gap } from '../connector/signals.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { SignalWriter } from '../delivery/report-redactor.ts'
import type { Sender } from '../delivery/sender.ts'
import { reasonOf, shortReason } from '../errors/error-reason.ts'
import { runInTimeSlices } from '../event-loop.ts'
import type { Logger } from '../logger.ts'
import type { Report } from '../platform/protocol.ts'
import { toReportBody, toStoredBody } from '../platform/report-body.ts'
import { settleWithin } from '../timers.ts'
import type { ReportBuilder } from './report/report-builder.ts'
import { splitReport, type WrittenReport } from './report/report-splitter.ts'
import type { Session } from './session.ts'

export interface ReportQueueOptions {
  readonly reports: ReportBuilder
  readonly outbox: Outbox
  /** True if the outbox keeps reports on disk. */
  readonly isStored: boolean
  readonly sender: Sender
  /** Returns the gaps of the process. @default none */
  readonly gaps?: () => readonly Gap[]
  readonly log: Logger
}

export type ReportQueue = ReturnType<typeof createReportQueue>

/** Builds reports one after the other and queues them for delivery. */
export function createReportQueue({
  reports,
  outbox,
  isStored,
  sender,
  log,
  gaps: own = () => [],
}: ReportQueueOptions) {
  let building: Promise<void> = Promise.resolve()

  const enqueue = async (agentId: string, { json, ...report }: WrittenReport): Promise<void> => {
    const bytes = json.byteLength
    const body = await (isStored ? toStoredBody(json) : toReportBody(json))
    const evicted = await outbox.add({ ...report, agentId, bytes, body })
    if (evicted > 0) {
      reports.resync()
      log.warn(
        { evicted, dropped: outbox.state().dropped },
        'queue full: dropped the oldest reports, those without events first; raise `max_queue_size` (MiB)',
      )
    }
    sender.wake()
  }
  const build = async ({ reporter, collectors, watchers, cursors }: Session): Promise<void> => {
    const saveCursors = cursors.take()
    try {
      const gaps = [...collectors.takeGaps(), ...watchers.takeGaps(), ...outboxGaps(outbox), ...own()]
      await runInTimeSlices(reports.next(reporter, collectors, gaps), (part) => enqueue(reporter.agentId, part))
      if (!outbox.hasUnsaved()) await saveCursors()
    } catch (error) {
      // Unknown which entities the platform has received.
      reports.resync()
      log.error({ error: reasonOf(error) }, 'internal error: report not built')
    }
  }
  const add = (session: Session, isOver = () => false): Promise<void> => {
    building = building.then(() => (isOver() ? undefined : build(session)))
    return building
  }
  const flush = async (timeoutMs: number): Promise<boolean> =>
    outbox.state().reports === 0 || (await sender.flush(AbortSignal.timeout(timeoutMs)))

  return {
    /** Builds the next report and queues its parts, unless `isOver` returns true by then. Never rejects. */
    add,
    /** Queues a report, and delivers the queue within the time if it can. Never rejects. */
    deliver: async (report: Report, write: SignalWriter, timeoutMs: number): Promise<void> => {
      try {
        await runInTimeSlices(splitReport(report, write), (part) => enqueue(report.agent_id, part))
      } catch (error) {
        log.error({ error: reasonOf(error) }, 'internal error: report not queued')
      }
      await flush(timeoutMs)
    },
    /**
     * Builds the last report, if `last` is given and `isOver` returns false by then, and delivers the queue. A queued
     * report does not wait for one that is being built: it may hold events. Never rejects.
     */
    finish: async (last: Session | undefined, remainingMs: () => number, isOver?: () => boolean): Promise<void> => {
      let isBuilt = false
      // Without a last report, too, one may still be in progress.
      const lastBuilt = (last === undefined ? building : add(last, isOver)).then(() => {
        isBuilt = true
      })
      await settleWithin(lastBuilt, remainingMs() / 2)
      let isDelivered = await flush(remainingMs())
      if (!isBuilt) {
        await settleWithin(lastBuilt, remainingMs())
        isDelivered = await flush(remainingMs())
      }
      if (isBuilt && isDelivered) return
      const { reports: waiting } = outbox.state()
      if (isBuilt && isStored && !outbox.hasUnsaved())
        log.info({ reports: waiting }, 'the next run of the agent delivers the reports that are left')
      else log.warn({ reports: waiting }, 'agent stopped before all reports were delivered')
    },
  }
}

/** Says that reports are in memory alone. */
function outboxGaps(outbox: Outbox): Gap[] {
  const failure = outbox.diskFailure()
  if (failure === undefined) return []
  const reason = `Reports wait in memory: they are lost if the agent ends before it delivers them. ${failure.reason}`
  return [{ scope: 'outbox', reason: shortReason(reason, String), since: failure.since }]
}
