import { describe, expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import { createOutbox } from '../delivery/outbox.ts'
import type { ReportBuilder } from './report/report-builder.ts'
import type { WrittenReport } from './report/report-splitter.ts'
import { createReportQueue, type ReportQueue } from './report-queue.ts'
import type { Session } from './session.ts'

const session = {
  reporter: { agentId: 'an-agent' },
  collectors: { takeGaps: () => [] },
  watchers: { takeGaps: () => [] },
  cursors: { take: () => async () => undefined },
} as unknown as Session

function partOf(id: string): WrittenReport {
  return { id, sequence: 0, json: Buffer.from('{}'), at: '2026-01-23T10:00:00.000Z', hasEvents: true }
}

/** A queue of reports whose parts are these, over a sender that delivers whatever there is. */
function queueOf(parts: () => Iterable<WrittenReport | undefined>): {
  readonly queue: ReportQueue
  readonly delivered: string[]
  readonly log: ReturnType<typeof recordingLogger>
} {
  const delivered: string[] = []
  const log = recordingLogger()
  const outbox = createOutbox({ maxBytes: 1e6, log })
  const reports = { next: parts, resync: () => undefined } as unknown as ReportBuilder
  const flush = async (): Promise<boolean> => {
    const batch = outbox.peek({ reports: 1e9, bytes: 1e9 })
    delivered.push(...batch.map(({ id }) => id))
    await outbox.remove(batch)
    return true
  }
  const sender = { flush, wake: () => undefined, run: async () => undefined }
  return { queue: createReportQueue({ reports, outbox, isStored: false, sender, log }), delivered, log }
}

describe('ReportQueue', () => {
  test('builds and delivers the last report', async () => {
    const { queue, delivered, log } = queueOf(function* () {
      yield partOf('a')
      yield partOf('b')
    })
    await queue.finish(session, () => 60_000)
    expect(delivered).toEqual(['a', 'b'])
    expect(log.lines).toEqual([])
  })

  test('delivers the parts that are built when the last report takes too long', async () => {
    let stopped = false
    const { queue, delivered, log } = queueOf(function* () {
      yield partOf('events')
      while (!stopped) yield undefined
    })
    await queue.finish(session, () => 100)
    stopped = true
    expect(delivered).toEqual(['events'])
    expect(log.lines.map(({ message }) => message)).toEqual(['agent stopped before all reports were delivered'])
  })

  test('finishes and delivers a report in progress if there is no later one', async () => {
    let turns = 0
    const { queue, delivered } = queueOf(function* () {
      for (const begun = performance.now(); performance.now() - begun < 30; turns += 1) yield undefined
      yield partOf('a')
    })
    void queue.add(session)
    await queue.finish(undefined, () => 60_000)
    expect(turns).toBeGreaterThan(0)
    expect(delivered).toEqual(['a'])
  })

  test('builds no last report after the leadership was lost', async () => {
    let leads = true
    const { queue, delivered } = queueOf(function* () {
      yield partOf(leads ? 'of the leader' : 'of a standby')
      leads = false
    })
    void queue.add(session)
    await queue.finish(
      session,
      () => 60_000,
      () => !leads,
    )
    expect(delivered).toEqual(['of the leader'])
  })
})
