import { getEventListeners } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gate } from '../../test/gate.ts'
import { type Call, problem, startPlatform } from '../../test/platform.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { PlatformError } from '../errors/platform-error.ts'
import { createPlatformClient } from '../platform/client.ts'
import { type DataResponse, hashSeriesSet, type Metric, type Report, seriesKeyOf } from '../platform/protocol.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createSender, type Sender, type SenderOptions } from './sender.ts'

let sequence = 0

function fill(outbox: Outbox, count: number, reason = '', metrics: readonly Metric[] = []): string[] {
  return Array.from({ length: count }, () => {
    const at = '2026-01-23T10:00:00.000Z'
    sequence += 1
    const report: Report = {
      report_id: `019bea3c-7b5e-7cc3-9d4c-${String(sequence).padStart(12, '0')}`,
      agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
      agent_type: 'docker',
      agent_version: '1.0.0',
      sequence,
      timestamp: at,
      data: { entities: [], metrics, events: [], gaps: [{ scope: 'x', reason, since: at }] },
    }
    const body = JSON.stringify(report)
    const { report_id: id, agent_id: agentId } = report
    void outbox.add({ id, agentId, sequence, body, bytes: Buffer.byteLength(body), at, hasEvents: false })
    return report.report_id
  })
}

interface Setup {
  readonly outbox: Outbox
  readonly sender: Sender
  readonly log: ReturnType<typeof recordingLogger>
}

function senderTo(url: string, options: Partial<SenderOptions> = {}): Setup {
  const log = recordingLogger()
  const outbox = createOutbox({ maxBytes: 100_000_000, log })
  const http = { platformUrl: new URL(url), agentToken: 'token', userAgent: 'test', retryCount: 0, log }
  const sender = createSender({ client: createPlatformClient(http), outbox, maxBatchSize: 100, log, ...options })
  return { outbox, sender, log }
}

/** Runs a sender until the test has finished. */
function started(sender: Sender): { stop(): Promise<void> } {
  const stop = new AbortController()
  const running = sender.run(stop.signal)
  const end = async (): Promise<void> => {
    stop.abort()
    await running
  }
  onTestFinished(end)
  return { stop: end }
}

const metric: Metric = {
  name: 'system.cpu.utilization',
  value: 0.5,
  unit: '1',
  kind: 'gauge',
  entity: { type: 'host', id: 'h' },
  attributes: {},
}
const set = hashSeriesSet([seriesKeyOf(metric)])

/** Returns the points of each report of a call. */
function pointsOf({ json }: Call): unknown[] {
  return (json as { reports: Report[] }).reports.map(({ data }) => data.metrics)
}

/** Answers like a platform that names the sets of the points in full. */
function namesSets({ json }: Call): { status: number; body: unknown } {
  expect(json).toMatchObject({ series_sets: true })
  return { status: 202, body: { accepted: 1, duplicates: 0, series_sets: [set] } }
}

const unlimited = (): AbortSignal => new AbortController().signal

describe('Sender', () => {
  test('limits the number of reports in a batch', async () => {
    const platform = await startPlatform()
    const { outbox, sender } = senderTo(platform.url, { maxBatchSize: 4 })
    const ids = fill(outbox, 10)
    expect(await sender.flush(unlimited())).toBe(true)
    const sizes = platform.calls.map((call) => (call.json as { reports: unknown[] }).reports.length)
    expect(sizes).toEqual([4, 4, 2])
    expect(platform.reports().map((report) => report.report_id)).toEqual(ids)
    expect(outbox.state()).toMatchObject({ reports: 0, bytes: 0, dropped: 0 })
  })

  test('limits the bytes of a batch, and sends a larger report alone', async () => {
    const sent: number[] = []
    const client = {
      sendReports: async (reports: readonly string[]): Promise<DataResponse> => {
        sent.push(reports.length)
        return { accepted: reports.length, duplicates: 0 }
      },
    }
    const { outbox, sender } = senderTo('http://127.0.0.1', { client })
    fill(outbox, 3, 'x'.repeat(1.9 * 1024 * 1024))
    fill(outbox, 1, 'x'.repeat(5 * 1024 * 1024))
    await sender.flush(unlimited())
    expect(sent).toEqual([2, 1, 1])
  })

  test.each([422, 413, 400])(
    'a report that the platform will never take (%i) does not cost the others',
    async (status) => {
      const onDrop = vi.fn()
      const platform = await startPlatform()
      const { outbox, sender, log } = senderTo(platform.url, { onDrop })
      const before = fill(outbox, 5)
      const [poison = ''] = fill(outbox, 1)
      const after = fill(outbox, 7)
      platform.answer = ({ text }) => (text.includes(poison) ? problem(status, 'no') : undefined)
      expect(await sender.flush(unlimited())).toBe(true)
      expect(platform.reports().map((report) => report.report_id)).toEqual([...before, ...after])
      expect(outbox.state()).toMatchObject({ reports: 0, dropped: 1 })
      expect(onDrop).toHaveBeenCalledOnce()
      expect(log.lines).toMatchObject([{ level: 'error', fields: { report_id: poison, dropped: 1 } }])
    },
  )

  test('halves requests that the platform finds too large', async () => {
    const platform = await startPlatform()
    platform.answer = ({ json }) =>
      (json as { reports: unknown[] }).reports.length > 2 ? problem(413, 'too large') : undefined
    const { outbox, sender } = senderTo(platform.url)
    const ids = fill(outbox, 9)
    expect(await sender.flush(unlimited())).toBe(true)
    expect(platform.reports().map((report) => report.report_id)).toEqual(ids)
    expect(outbox.state().dropped).toBe(0)
  })

  test('delivers again when a response is lost, without duplicates', async () => {
    const platform = await startPlatform()
    const { outbox, sender } = senderTo(platform.url)
    const ids = fill(outbox, 3)
    const usual = platform.answer
    platform.answer = (_call, response) => {
      platform.answer = usual
      // Stored, but the agent never hears of it.
      setImmediate(() => response.socket?.destroy())
      return undefined
    }
    await sender.flush(unlimited())
    await sender.flush(unlimited())
    expect(platform.reports().map((report) => report.report_id)).toEqual(ids)
    expect(outbox.state()).toMatchObject({ reports: 0, dropped: 0 })
  })

  test('loses nothing while the platform is unreachable', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.01)
    onTestFinished(() => void vi.restoreAllMocks())
    const platform = await startPlatform()
    const { outbox, sender, log } = senderTo(platform.url)
    started(sender)
    const first = fill(outbox, 2)
    sender.wake()
    await platform.until(() => platform.reports().length === 2)
    await platform.stop()
    const second = fill(outbox, 2)
    sender.wake()
    await vi.waitFor(() => expect(log.messages('warn')).toHaveLength(1), 20_000)
    const again = await startPlatform(undefined, platform.port)
    await again.until(() => again.reports().length === 2)
    const delivered = [...platform.reports(), ...again.reports()].map((report) => report.report_id)
    expect(delivered).toEqual([...first, ...second])
    await vi.waitFor(() => expect(log.messages('info')).toEqual(['delivery recovered']), 20_000)
    expect(log.lines[0]).toMatchObject({
      message: 'delivery failed, retrying',
      fields: { error: expect.stringContaining('The platform at') },
    })
  })

  test('remembers a wake during a delivery', async () => {
    const platform = await startPlatform()
    const { outbox, sender } = senderTo(platform.url)
    const [first = ''] = fill(outbox, 1)
    let second = ''
    platform.answer = ({ text }) => {
      if (text.includes(first)) {
        // The batch is on its way: the sender has looked into the outbox already.
        second = fill(outbox, 1)[0] ?? ''
        sender.wake()
      }
      return undefined
    }
    started(sender)
    await platform.until(() => platform.reports().length === 2)
    expect(platform.reports()[1]?.report_id).toBe(second)
  })

  test('leaves no listeners on its signal, however often it is woken', async () => {
    const platform = await startPlatform()
    const { outbox, sender } = senderTo(platform.url)
    const stop = new AbortController()
    const running = sender.run(stop.signal)
    for (let round = 1; round <= 5; round += 1) {
      fill(outbox, 1)
      sender.wake()
      await platform.until(() => platform.reports().length === round)
      await vi.waitFor(() => expect(outbox.state().reports).toBe(0), 20_000)
    }
    expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(1)
    stop.abort()
    await running
  })

  test.each([
    ['an unreachable platform', {}, 0, 1000],
    ['an unreachable platform that asked for time', { status: 503, retryAfter: 7000 }, 7000, 14_000],
    ['a platform that asked for years', { status: 503, retryAfter: 1e14 }, 3_600_000, 7_200_000],
    ['a refused token', { status: 401 }, 15_000, 45_000],
  ])('waits after %s', async (_what, details, least, most) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    let calls = 0
    const client = {
      sendReports: async (): Promise<DataResponse> => {
        calls += 1
        throw new PlatformError('no', { retryable: true, ...details })
      },
    }
    const { outbox, sender } = senderTo('http://127.0.0.1', { client })
    fill(outbox, 1)
    const stop = new AbortController()
    const running = sender.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(calls).toBe(1)
    sender.wake()
    await vi.advanceTimersByTimeAsync(Math.max(0, least - 1))
    if (least > 0) expect(calls).toBe(1)
    await vi.advanceTimersByTimeAsync(most - least + 2)
    expect(calls).toBeGreaterThan(1)
    stop.abort()
    await running
  })

  test('leaves a refused token to the client’s log, and logs further failures at debug level', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => void vi.restoreAllMocks())
    const failures = [{ status: 401, retryable: true }]
    const stop = new AbortController()
    const client = {
      sendReports: async (): Promise<DataResponse> => {
        const failure = failures.shift()
        if (failure === undefined) throw new Error('a mistake of ours')
        setImmediate(() => stop.abort())
        throw new PlatformError('no', failure)
      },
    }
    const { outbox, sender, log } = senderTo('http://127.0.0.1', { client })
    fill(outbox, 1)
    await sender.run(stop.signal)
    expect(log.lines.map(({ level }) => level)).toEqual(['debug'])
    await expect(sender.flush(unlimited())).resolves.toBe(false)
  })

  test('returns false from a flush that exceeds its timeout', async () => {
    const platform = await startPlatform(() => 'handled')
    const { outbox, sender } = senderTo(platform.url)
    fill(outbox, 1)
    expect(await sender.flush(AbortSignal.timeout(50))).toBe(false)
    expect(outbox.state().reports).toBe(1)
    expect(await sender.flush(AbortSignal.abort())).toBe(false)
  })

  test('aborts a delivery on stop and keeps its reports', async () => {
    const asked = gate()
    const platform = await startPlatform(() => {
      asked.open()
      return 'handled'
    })
    const { outbox, sender } = senderTo(platform.url)
    fill(outbox, 1)
    const { stop } = started(sender)
    await asked.promise
    await stop()
    expect(outbox.state().reports).toBe(1)
  })
})

describe('Sender with sets of series', () => {
  /** Sends one report with a point, then two more together. Returns the points of all calls. */
  const sendThree = async (answer: (call: Call, index: number) => { status: number; body: unknown } | undefined) => {
    let index = 0
    const platform = await startPlatform((call) => answer(call, index++))
    const { outbox, sender, log } = senderTo(platform.url)
    fill(outbox, 1, '', [metric])
    expect(await sender.flush(unlimited())).toBe(true)
    fill(outbox, 2, '', [metric])
    expect(await sender.flush(unlimited())).toBe(true)
    expect(outbox.state()).toMatchObject({ reports: 0, dropped: 0 })
    expect([platform.violations, log.lines]).toEqual([[], []])
    return platform.calls.map(pointsOf)
  }
  const values = [{ series_set: set, values: [0.5] }]

  test('sends the values of sets that the platform has named', async () => {
    expect(await sendThree(namesSets)).toEqual([[[metric]], [values, values]])
  })

  test('sends points in full to a platform that names no sets, such as one of an earlier version', async () => {
    expect(await sendThree(() => undefined)).toEqual([[[metric]], [[metric], [metric]]])
  })

  test.each([
    ['has forgotten a set', 409],
    ['does not accept values, since it was replaced by an earlier version', 422],
  ])('sends points in full again when the platform %s', async (_reason, status) => {
    const calls = await sendThree((call, index) => (index === 1 ? problem(status, 'Unknown set.') : namesSets(call)))
    expect(calls).toEqual([[[metric]], [values, values], [[metric], [metric]]])
  })

  test('sends the report in full that alone is refused, and then drops it', async () => {
    const platform = await startPlatform((call) =>
      call.text.includes('poison') ? problem(422, 'No.') : namesSets(call),
    )
    const { outbox, sender } = senderTo(platform.url)
    fill(outbox, 1, '', [metric])
    await sender.flush(unlimited())
    fill(outbox, 1, 'poison', [metric])
    fill(outbox, 1, '', [metric])
    expect(await sender.flush(unlimited())).toBe(true)
    expect(outbox.state()).toMatchObject({ reports: 0, dropped: 1 })
    const full = [metric]
    expect(platform.calls.map(pointsOf)).toEqual([[full], [values, values], [full, full], [full], [full]])
  })
})
