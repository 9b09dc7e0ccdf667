import type { Outbox } from '../delivery/outbox.ts'
import type { Sender } from '../delivery/sender.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { runInTimeSlices } from '../event-loop.ts'
import type { Logger } from '../logger.ts'
import { toReportBody } from '../platform/report-body.ts'
import { settleWithin } from '../timers.ts'
import type { Reporting } from './report/report-builder.ts'
import type { WrittenReport } from './report/report-splitter.ts'
import type { Open } from './session.ts'

export interface ReportQueueOptions {
  readonly reporting: Reporting
  readonly outbox: Outbox
  readonly sender: Sender
  readonly log: Logger
}

/** Where reports wait for delivery. */
export interface ReportQueue {
  /** Makes the next report, or the parts of it, and puts them on their way, after those that are being made, unless `isOver` by then. Never rejects. */
  add(open: Open, isOver?: () => boolean): Promise<void>
  /** Makes the last report, where there is `last`, unless `isOver` by then, and delivers what waits, while there are milliseconds left. What is made does not wait for what is not: events come first. Never rejects. */
  finish(last: Open | undefined, left: () => number, isOver?: () => boolean): Promise<void>
}

/** A queue over an outbox. */
export function createReportQueue({ reporting, outbox, sender, log }: ReportQueueOptions): ReportQueue {
  let making: Promise<void> = Promise.resolve()

  const enqueue = async ({ id, json, at, hasEvents }: WrittenReport): Promise<void> => {
    const body = await toReportBody(json)
    const bytes = json.byteLength
    const held = typeof body === 'string' ? bytes : body.byteLength
    const givenUp = outbox.add({ id, json: body, bytes, held, at, hasEvents })
    if (givenUp > 0) {
      reporting.forget()
      log.warn(
        { given_up: givenUp, dropped: outbox.state().dropped },
        'the queue is full: the oldest reports without events were given up. `max_queue_size` is its bound in MiB',
      )
    }
    sender.wake()
  }
  const make = async ({ reporter, collection, watching }: Open): Promise<void> => {
    try {
      await runInTimeSlices(reporting.next(reporter, collection, [...collection.gaps(), ...watching.gaps()]), enqueue)
    } catch (error) {
      // Which entities the platform has heard of is not known any more.
      reporting.forget()
      log.error({}, `a report could not be made: ${reasonOf(error)}`)
    }
  }
  const add: ReportQueue['add'] = (open, isOver = () => false) => {
    making = making.then(() => (isOver() ? undefined : make(open)))
    return making
  }
  const flush = async (milliseconds: number): Promise<boolean> =>
    outbox.state().reports === 0 || (await sender.flush(AbortSignal.timeout(milliseconds)))

  return {
    add,
    finish: async (last, left, isOver) => {
      let made = false
      // Without a last report, too, one may still be in the making.
      const lastMade = (last === undefined ? making : add(last, isOver)).then(() => {
        made = true
      })
      await settleWithin(lastMade, left() / 2)
      let delivered = await flush(left())
      if (!made) {
        await settleWithin(lastMade, left())
        delivered = await flush(left())
      }
      if (made && delivered) return
      const { reports } = outbox.state()
      log.warn({ reports }, 'the agent stopped before everything was delivered')
    },
  }
}
