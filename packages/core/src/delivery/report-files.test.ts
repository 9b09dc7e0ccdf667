import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createOutbox, type NewReport, type Outbox } from './outbox.ts'
import { createReportFiles } from './report-files.ts'

const AGENT = '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60'
const everything = { reports: 1e9, bytes: 1e9 }

function reportOf(sequence: number, { hasEvents = false, text = '' } = {}): NewReport {
  const id = `019bea3c-7b5e-7cc3-9d4c-${String(sequence).padStart(12, '0')}`
  const json = JSON.stringify({ sequence, text })
  return {
    id,
    agentId: AGENT,
    sequence,
    body: gzipSync(json),
    bytes: json.length,
    at: '2026-01-23T10:00:00.000Z',
    hasEvents,
  }
}

/** A report of about 40 kB, nearly all metrics, with an event. */
function fullReport(sequence: number): NewReport {
  const report = {
    timestamp: '2026-01-23T10:00:00.000Z',
    data: { events: ['something happened'], metrics: [randomBytes(27_000).toString('hex')], gaps: [] },
  }
  const json = JSON.stringify(report)
  return { ...reportOf(sequence, { hasEvents: true }), body: gzipSync(json), bytes: json.length }
}

interface Setup {
  readonly outbox: Outbox
  readonly log: ReturnType<typeof recordingLogger>
  readonly sequences: () => number[]
}

function outboxIn(directory: string, maxBytes = 1e6): Setup {
  const log = recordingLogger()
  const outbox = createOutbox({ maxBytes, files: createReportFiles(directory), log })
  return { outbox, log, sequences: () => outbox.peek(everything).map(({ sequence }) => sequence) }
}

/** Returns the names of an agent's reports on disk. */
const filesIn = async (directory: string, folder = ''): Promise<string[]> =>
  (await readdir(join(directory, AGENT, folder))).filter((name) => name.endsWith('.json.gz')).toSorted()

describe('an outbox on disk', () => {
  test('keeps each report in a file that only its owner may read, until it is delivered', async () => {
    const directory = await temporaryDirectory()
    const { outbox } = outboxIn(directory)
    await outbox.add(reportOf(0))
    await outbox.add(reportOf(1, { hasEvents: true }))
    const files = await filesIn(directory)
    expect(files).toHaveLength(2)
    expect((await stat(join(directory, AGENT, files[0] ?? ''))).mode & 0o777).toBe(0o600)
    await outbox.remove(outbox.peek({ reports: 1, bytes: 1e9 }))
    expect(await filesIn(directory)).toEqual(files.slice(1))
    expect(outbox.hasUnsaved()).toBe(false)
  })

  test('delivers in the next run what the one before left, in order', async () => {
    const directory = await temporaryDirectory()
    const first = outboxIn(directory)
    for (const sequence of [8, 9, 10, 11]) await first.outbox.add(reportOf(sequence, { hasEvents: sequence === 9 }))
    const { outbox, sequences } = outboxIn(directory)
    expect(await outbox.restore(AGENT)).toBe(11)
    expect(sequences()).toEqual([8, 9, 10, 11])
    expect(outbox.state()).toEqual({ ...first.outbox.state(), oldestAt: new Date(0x019bea3c7b5e).toISOString() })
    const [entry] = outbox.peek(everything)
    expect(await outbox.read(entry!)).toEqual(Buffer.from(reportOf(8).body))
    // Reports without events are dropped first, also those of an earlier run.
    const small = outboxIn(directory, first.outbox.state().bytes - 1)
    await small.outbox.restore(AGENT)
    expect(small.sequences()).toEqual([9, 10, 11])
    expect(await filesIn(directory)).toHaveLength(3)
  })

  test('does not deliver reports of another agent that shares the directory', async () => {
    const directory = await temporaryDirectory()
    await outboxIn(directory).outbox.add(reportOf(0))
    const { outbox, sequences } = outboxIn(directory)
    expect(await outbox.restore('another-agent')).toBeUndefined()
    expect(sequences()).toEqual([])
  })

  test('ignores files of an interrupted write, and names that are not of reports', async () => {
    const directory = await temporaryDirectory()
    await outboxIn(directory).outbox.add(reportOf(0))
    const [name] = await filesIn(directory)
    await writeFile(join(directory, AGENT, `${name}.0a1b.tmp`), 'half')
    await writeFile(join(directory, AGENT, 'notes.txt'), 'not a report')
    const { outbox, sequences } = outboxIn(directory)
    await outbox.restore(AGENT)
    expect(sequences()).toEqual([0])
    expect((await readdir(join(directory, AGENT))).toSorted()).toEqual([name, 'notes.txt'].toSorted())
  })

  test.each([
    ['truncated', (file: string) => truncate(file, 10)],
    ['empty', (file: string) => truncate(file, 0)],
    ['overwritten', (file: string) => writeFile(file, 'not gzip at all')],
    [
      'changed in one byte',
      async (file: string) => {
        const bytes = await readFile(file)
        bytes[bytes.length - 6]! ^= 0xff
        await writeFile(file, bytes)
      },
    ],
  ])('sets a file aside that is %s, counts it, and delivers the others', async (_how, damage) => {
    const directory = await temporaryDirectory()
    const first = outboxIn(directory)
    for (const sequence of [0, 1, 2]) await first.outbox.add(reportOf(sequence))
    const [, second = ''] = await filesIn(directory)
    await damage(join(directory, AGENT, second))
    const { outbox, log } = outboxIn(directory)
    await outbox.restore(AGENT)
    const bodies = await Promise.all(outbox.peek(everything).map(outbox.read))
    expect(bodies.map((body) => body !== undefined)).toEqual([true, false, true])
    expect(outbox.state()).toMatchObject({ reports: 2, dropped: 1 })
    expect(await filesIn(directory, 'damaged')).toEqual([second])
    expect(log.messages('error')).toEqual(['report dropped: its file is damaged'])
  })

  test('counts a report whose file was deleted', async () => {
    const directory = await temporaryDirectory()
    await outboxIn(directory).outbox.add(reportOf(0))
    const { outbox } = outboxIn(directory)
    await outbox.restore(AGENT)
    const [entry] = outbox.peek(everything)
    await createReportFiles(directory).remove(join(AGENT, (await filesIn(directory))[0] ?? ''))
    expect(await outbox.read(entry!)).toBeUndefined()
    expect(outbox.state()).toMatchObject({ reports: 0, dropped: 1 })
  })

  test('keeps refused reports with the reason, the newest 20', async () => {
    const directory = await temporaryDirectory()
    const { outbox } = outboxIn(directory)
    for (let sequence = 0; sequence < 23; sequence += 1) {
      await outbox.add(reportOf(sequence))
      const [entry] = outbox.peek(everything)
      await outbox.refuse(entry!, `answered 422 to ${sequence}`)
    }
    const refused = await filesIn(directory, 'refused')
    expect(refused.map((name) => Number(name.slice(0, 16)))).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 3),
    )
    expect(await readFile(join(directory, AGENT, 'refused', `${refused[0]}.txt`), 'utf8')).toBe('answered 422 to 3\n')
    expect(await filesIn(directory)).toEqual([])
    expect(outbox.state()).toMatchObject({ reports: 0, dropped: 23 })
  })

  test('keeps reports in memory while they cannot be written, says so, and recovers', async () => {
    const directory = await temporaryDirectory()
    const place = join(directory, 'state')
    await writeFile(place, 'a file where the directory should be')
    const { outbox, log, sequences } = outboxIn(place)
    await outbox.add(reportOf(0))
    await outbox.add(reportOf(1))
    expect(sequences()).toEqual([0, 1])
    expect(outbox.hasUnsaved()).toBe(true)
    expect(outbox.diskFailure()).toMatchObject({ reason: expect.stringContaining('ENOTDIR') })
    expect(log.messages('error')).toEqual([
      'report not written to disk: it is lost if the agent ends before it is delivered',
    ])
    await outbox.remove(outbox.peek(everything))
    const other = outboxIn(join(directory, 'other'))
    await mkdir(join(directory, 'other'))
    await other.outbox.add(reportOf(2))
    expect(other.outbox.diskFailure()).toBeUndefined()
    expect(outbox.hasUnsaved()).toBe(false)
  })

  test('keeps few bodies in memory, and reads the others when they are sent', async () => {
    const directory = await temporaryDirectory()
    const { outbox } = outboxIn(directory, 1e9)
    const reports = [0, 1, 2, 3, 4, 5, 6, 7].map((sequence) => ({
      ...reportOf(sequence),
      body: gzipSync(randomBytes(200_000), { level: 0 }),
    }))
    for (const report of reports) await outbox.add(report)
    const bodies = await Promise.all(outbox.peek(everything).map(outbox.read))
    expect(bodies.map((body, index) => reports[index]?.body.equals(body as Uint8Array))).toEqual(
      reports.map(() => true),
    )
    await rm(join(directory, AGENT), { recursive: true })
    const left = await Promise.all(outbox.peek(everything).map(outbox.read))
    expect(left.map((body) => body !== undefined)).toEqual([true, true, true, true, true, false, false, false])
  })

  test('drops the metrics of the oldest report with events before the report, and delivers its events', async () => {
    const directory = await temporaryDirectory()
    const { outbox } = outboxIn(directory, 80_000)
    for (const sequence of [0, 1]) expect(await outbox.add(fullReport(sequence))).toBe(0)
    const files = await filesIn(directory)
    expect(await outbox.add(fullReport(2))).toBe(0)
    expect(outbox.state()).toMatchObject({ reports: 3, dropped: 0 })
    const left = await filesIn(directory)
    expect(left.slice(1)).toEqual([files[1], expect.anything()])

    const next = outboxIn(directory, 80_000)
    await next.outbox.restore(AGENT)
    expect(next.sequences()).toEqual([0, 1, 2])
    const [oldest] = next.outbox.peek(everything)
    expect(JSON.parse(gunzipSync((await next.outbox.read(oldest!)) as Uint8Array).toString())).toEqual({
      timestamp: '2026-01-23T10:00:00.000Z',
      data: {
        events: ['something happened'],
        metrics: [],
        gaps: [
          {
            scope: 'outbox',
            reason: 'The queue was full: the metrics of this time were dropped. Raise `max_queue_size`.',
            since: '2026-01-23T10:00:00.000Z',
          },
        ],
      },
    })
    // Reports are dropped when no other report has metrics.
    const last = fullReport(3)
    const small = outboxIn(directory, (last.body as Uint8Array).byteLength + 100)
    await small.outbox.restore(AGENT)
    await small.outbox.add(last)
    expect(small.sequences()).toEqual([3])
    expect(small.outbox.state().dropped).toBe(3)
    expect(await filesIn(directory)).toHaveLength(1)
  })

  test('reads a report again whose metrics were dropped while it was read', async () => {
    const directory = await temporaryDirectory()
    const files = createReportFiles(directory)
    const isRead = Promise.withResolvers<void>()
    let delay: Promise<void> | undefined
    const slow = {
      ...files,
      read: async (file: string) => {
        await delay
        return files.read(file)
      },
    }
    await outboxIn(directory).outbox.add(fullReport(0))
    const outbox = createOutbox({ maxBytes: 50_000, files: slow, log: recordingLogger() })
    await outbox.restore(AGENT)
    const [oldest] = outbox.peek(everything)
    delay = isRead.promise
    const reading = outbox.read(oldest!)
    delay = undefined
    await outbox.add(fullReport(1))
    isRead.resolve()
    expect(gunzipSync((await reading) as Uint8Array).toString()).toContain('"metrics":[]')
    expect(outbox.state()).toMatchObject({ reports: 2, dropped: 0 })
  })
})
