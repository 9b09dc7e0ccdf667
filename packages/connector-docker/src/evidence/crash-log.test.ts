import { describe, expect, test } from 'vitest'
import { changed } from '../../test/engine-events.ts'
import { canary, captured, engineNames } from '../../test/fixtures.ts'
import type { ContainerDetails, LogRequest } from '../engine/engine-api.ts'
import { demultiplex } from '../engine/log-frames.ts'
import { type LoggedRun, logWindow, type RunTimes, readCrashLog } from './crash-log.ts'

const most = 16 * 1024
const { signal } = new AbortController()

const run: LoggedRun = {
  id: 'a',
  environment: ['DB_PASSWORD=hunter2-of-the-shop', 'MODE=production'],
  since: Date.parse('2026-11-25T00:00:01.123Z'),
  until: Date.parse('2026-11-25T00:00:05.250Z'),
}

/** Reads the end of a log. Returns it with the requests to the engine. */
async function read(text: string | undefined, of: Partial<LoggedRun> & { isRemoved?: boolean } = {}, lines = 200) {
  const requests: LogRequest[] = []
  const engine = {
    logs: async (_id: string, request: LogRequest) => {
      requests.push(request)
      return text
    },
    container: async () => (of.isRemoved ? undefined : captured().container('plain')),
  }
  return { tail: await readCrashLog(engine, { ...run, ...of }, lines, signal), requests }
}

describe('the log of a run', () => {
  test('requests the time window of the run', async () => {
    const { tail, requests } = await read('all is lost\n')
    expect(tail).toEqual({ log: 'all is lost\n' })
    const window = { since: '1795564801.123', until: '1795564805.250' }
    expect(requests).toEqual([
      { ...window, lines: 201 },
      { ...window, lines: 1 },
    ])
  })

  test('reads from the beginning without a start time', async () => {
    const { requests } = await read('', { since: undefined })
    expect(requests[0]).toMatchObject({ since: undefined })
  })

  test('returns the reason for a missing log', async () => {
    expect((await read(undefined)).tail).toEqual({ missing: 'its log driver does not support reading' })
    expect((await read(undefined, { logDriver: 'none' })).tail).toEqual({
      missing: 'its log driver `none` does not support reading',
    })
    expect((await read(undefined, { isRemoved: true })).tail).toEqual({
      missing: 'the container was removed before its log could be read',
    })
    const { tail, requests } = await read('all is lost\n', {}, 0)
    expect(tail).toEqual({ missing: '`crash_log_lines` is 0' })
    expect(requests).toEqual([])
  })

  describe('with a damaged record', () => {
    const written = Array.from({ length: 40 }, (_, index) => `line ${index + 1}\n`)

    /** Returns an engine that reads from the beginning of a tail to the damaged record, as json-file does. */
    const damagedAt = (line: number, container?: ContainerDetails) => ({
      logs: async (_id: string, { lines }: LogRequest) => {
        const beginning = Math.max(0, written.length - lines)
        return written.slice(beginning, beginning >= line ? written.length : line - 1).join('')
      },
      container: async () => container,
    })
    const readDamaged = (line: number, more: Partial<LoggedRun> = {}) =>
      readCrashLog(damagedAt(line), { ...run, ...more }, 200, signal)

    test('reads the last words by a shorter tail', async () => {
      expect(await readDamaged(18)).toEqual({ log: written.slice(-12).join('') })
      expect(await readDamaged(39)).toEqual({ log: 'line 40\n' })
    })

    test('says that the log is damaged when its last record is', async () => {
      expect(await readDamaged(40)).toEqual({ missing: expect.stringContaining('the log is damaged') })
      expect(await readDamaged(40, { isFollowed: true })).toHaveProperty('log')
    })

    test.each<[string, Partial<ContainerDetails['state']>]>([
      ['runs again', { status: 'running' }],
      ['has run again', { status: 'exited', startedAt: new Date(run.until).toISOString() }],
    ])('does not take the last line of the next run for damage when the container %s', async (_what, state) => {
      const container = changed(captured().container('plain'), { state })
      expect(await readCrashLog(damagedAt(40, container), run, 200, signal)).toHaveProperty('log')
    })
  })

  test('removes secrets and escape sequences', async () => {
    const { tail } = await read('\u001b[31mFATAL\u001b[0m: hunter2-of-the-shop is refused in production\n')
    expect(tail).toEqual({ log: 'FATAL: [redacted] is refused in production\n' })
  })

  test('truncates after redaction, so that no secret loses its name', async () => {
    const secret = 'canary'.repeat(500)
    const { tail } = await read(`api_token=${secret}\n${'x'.repeat(most - 1000)}\n`)
    expect(JSON.stringify(tail)).not.toContain('canary')
  })

  test('leaves out a line whose beginning is not known', async () => {
    const { tail } = await read(`nary-of-the-shop is refused\nretrying\n${'x'.repeat(20_000)} end\n`, {}, 3)
    expect(JSON.stringify(tail)).not.toContain('nary')
    expect((await read('first\nsecond\nthird\n', {}, 2)).tail).toEqual({ log: 'second\nthird\n' })
    expect((await read('second\nthird\n', {}, 2)).tail).toEqual({ log: 'second\nthird\n' })
  })

  test('removes half of a secret where the log begins and ends', async () => {
    const { tail } = await read('of-the-shop is refused\nusing hunter2-of-')
    expect(tail).toEqual({ log: '[redacted] is refused\nusing [redacted]' })
  })

  test('keeps JSON as it was written', async () => {
    const log = '{"id":12345678901234567890,"n":1.10,"password":"hunter2"}\n'
    expect((await read(log)).tail).toEqual({ log: log.replace('hunter2', '[redacted]') })
  })

  test.each(engineNames)('returns the log of a container of %s', async (name) => {
    const of = captured(name)
    const { environment } = of.container('crashed')
    const { tail } = await read(demultiplex(of.bytes('log-crashed.bin')), { environment })
    const log = 'log' in tail ? tail.log : ''
    expect(log.split('\n').toSorted()).toEqual(['', 'cannot log in: password=[redacted]', 'starting'])
    expect(log).not.toContain(canary)
  })
})

describe('logWindow', () => {
  const run: RunTimes = { startedAt: 10_000, endedAt: 20_000, previousEndedAt: undefined, isFollowed: false }

  describe('the log of a run', () => {
    test('begins shortly before the recorded start', () => {
      expect(logWindow(run).since).toBeLessThan(10_000)
      expect(logWindow(run).since).toBeGreaterThan(5_000)
    })

    test('begins at the end of the previous run', () => {
      expect(logWindow({ ...run, previousEndedAt: 9_990 }).since).toBe(9_991)
      expect(logWindow({ ...run, startedAt: undefined, previousEndedAt: 9_990 }).since).toBe(9_991)
    })

    test('has no beginning without times', () => {
      expect(logWindow({ ...run, startedAt: undefined }).since).toBeUndefined()
    })

    test('ends shortly after the exit, or at the exit when another run follows', () => {
      expect(logWindow(run).until).toBeGreaterThan(20_500)
      expect(logWindow({ ...run, isFollowed: true }).until).toBe(20_001)
    })
  })
})
