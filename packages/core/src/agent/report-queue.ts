import type { Outbox } from '../delivery/outbox.ts'
import type { Sender } from '../delivery/sender.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { runInTimeSlices } from '../event-loop.ts'
import type { Logger } from '../logger.ts'
import { toReportBody } from '../platform/report-body.ts'
import { settleWithin } from '../timers.ts'
import type { ReportBuilder } from './report/report-builder.ts'
import type { WrittenReport } from './report/report-splitter.ts'
import type { Session } from './session.ts'

export interface ReportQueueOptions {
  readonly reports: ReportBuilder
  readonly outbox: Outbox
  readonly sender: Sender
  readonly log: Logger
}

export type ReportQueue = ReturnType<typeof createReportQueue>

/** Builds reports one after the other and queues them for delivery. */
export function createReportQueue({ reports, outbox, sender, log }: ReportQueueOptions) {
  let building: Promise<void> = Promise.resolve()

  const enqueue = async ({ id, json, at, hasEvents }: WrittenReport): Promise<void> => {
    const body = await toReportBody(json)
    const bytes = json.byteLength
    const held = typeof body === 'string' ? bytes : body.byteLength
    const evicted = outbox.add({ id, json: body, bytes, held, at, hasEvents })
    if (evicted > 0) {
      reports.resync()
      log.warn(
        { evicted, dropped: outbox.state().dropped },
        'queue full: dropped the oldest reports, those without events first; raise `max_queue_size` (MiB)',
      )
    }
    sender.wake()
  }
  const build = async ({ reporter, collectors, watchers }: Session): Promise<void> => {
    try {
      await runInTimeSlices(reports.next(reporter, collectors, [...collectors.gaps(), ...watchers.gaps()]), enqueue)
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
      log.warn({ reports: outbox.state().reports }, 'agent stopped before all reports were delivered')
    },
  }
}
