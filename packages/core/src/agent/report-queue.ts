import type { Outbox } from '../delivery/outbox.ts'
import type { Redactor } from '../delivery/redaction.ts'
import type { Sender } from '../delivery/sender.ts'
import type { Logger } from '../logger.ts'
import { reasonOf } from '../reason.ts'
import type { Open } from './opening.ts'
import type { Reporting } from './reporting.ts'

export interface ReportQueueOptions {
  readonly reporting: Reporting
  readonly outbox: Outbox
  readonly sender: Sender
  readonly redactor: Redactor
  readonly log: Logger
}

/** Where reports wait for delivery. */
export interface ReportQueue {
  /** Makes the next report and puts it on its way. Never throws: it is called from timers. */
  add(open: Open): void
  /** Delivers what waits, within so many milliseconds. Never rejects. */
  flush(milliseconds: number): Promise<void>
}

/** A queue over an outbox. */
export function createReportQueue({ reporting, outbox, sender, redactor, log }: ReportQueueOptions): ReportQueue {
  const enqueue = ({ reporter, collection, watching }: Open): void => {
    const report = reporting.next(reporter, collection, [...collection.gaps(), ...watching.gaps()])
    const json = redactor.report(report)
    const givenUp = outbox.add({
      id: report.report_id,
      json,
      bytes: Buffer.byteLength(json),
      at: report.timestamp,
      hasEvents: report.data.events.length > 0,
    })
    if (givenUp > 0) {
      reporting.forget()
      log.warn(
        { given_up: givenUp, dropped: outbox.state().dropped },
        'the queue is full: the oldest reports without events were given up. `max_queue_size` is its bound in MiB',
      )
    }
    sender.wake()
  }
  return {
    add: (open) => {
      try {
        enqueue(open)
      } catch (error) {
        log.error({}, `a report could not be made: ${reasonOf(error)}`)
      }
    },
    flush: async (milliseconds) => {
      if (outbox.state().reports === 0) return
      if (await sender.flush(AbortSignal.timeout(milliseconds))) return
      const { reports } = outbox.state()
      log.warn({ reports }, 'the agent stopped before everything was delivered')
    },
  }
}
