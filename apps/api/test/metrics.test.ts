import fc from 'fast-check'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { metricsAnswer } from '../src/routes/metrics.ts'
import {
  AGENT_URL,
  agentIdOf,
  entityOf,
  eventOf,
  metricOf,
  reportOf,
  START,
  startApi as start,
  type TestApi,
} from './kit.ts'
import { packAll } from './pack-all.ts'

interface Point {
  readonly at: number
  readonly value: number
}

const iso = (milliseconds: number) => new Date(milliseconds).toISOString()

async function query(api: TestApi, parameters: Record<string, string>): Promise<{ at: number; value: number }[][]> {
  const response = await api.admin({ url: '/api/v1/metrics', query: { name: 'container.memory.usage', ...parameters } })
  expect(response.statusCode, response.body).toBe(200)
  expect(metricsAnswer.safeParse(response.json()).error).toBeUndefined()
  return response
    .json()
    .series.map((series: { points: { at: string; value: number }[] }) =>
      series.points.map((point) => ({ at: Date.parse(point.at), value: point.value })),
    )
}

/** Computes in plain JavaScript the result expected of the database. */
function downsample(points: readonly Point[], aggregate: string, from: number, to: number, step: number): Point[] {
  const sorted = [...points].sort((left, right) => left.at - right.at)
  const buckets = new Map<number, { values: number[]; growth: number; time: number }>()
  sorted.forEach((point, index) => {
    if (point.at < from || point.at >= to) return
    const start = Math.floor(point.at / step) * step
    const bucket = buckets.get(start) ?? { values: [], growth: 0, time: 0 }
    bucket.values.push(point.value)
    const before = sorted[index - 1]
    if (before !== undefined) {
      bucket.growth += point.value >= before.value ? point.value - before.value : point.value
      bucket.time += point.at - before.at
    }
    buckets.set(start, bucket)
  })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const value = ({ values, growth, time }: { values: number[]; growth: number; time: number }): number | undefined => {
    if (aggregate === 'avg') return sum(values) / values.length
    if (aggregate === 'min') return Math.min(...values)
    if (aggregate === 'max') return Math.max(...values)
    if (aggregate === 'last') return values.at(-1)
    if (aggregate === 'sum') return sum(values)
    return time === 0 ? undefined : (growth * 1000) / time
  }
  return [...buckets]
    .map(([at, bucket]) => ({ at, value: value(bucket) }))
    .filter((point): point is Point => point.value !== undefined)
}

describe.each(['rows', 'blocks'])('a query of metrics, with points in %s', (form) => {
  /** Creates an API whose points are packed before each question. */
  const startApi = async (options: Parameters<typeof start>[0] = {}): Promise<TestApi> => {
    const api = await start(options)
    if (form === 'rows') return api
    return {
      ...api,
      admin: async (request) => {
        await packAll(api.databasePath)
        return api.admin(request)
      },
    }
  }

  test('downsamples like a plain computation', { timeout: 120_000 }, async () => {
    const api = await startApi({ rateLimit: 1_000_000 })
    const token = await api.provision()
    let run = 0
    const points = fc.uniqueArray(
      fc.record({
        at: fc.integer({ min: 0, max: 600_000 }).map((offset) => START + offset),
        value: fc.integer({ min: 0, max: 1000 }),
      }),
      {
        minLength: 1,
        maxLength: 40,
        selector: (point) => point.at,
      },
    )
    const window = fc.record({
      aggregate: fc.constantFrom('avg', 'min', 'max', 'last', 'sum', 'rate'),
      from: fc.integer({ min: -1000, max: 500_000 }).map((offset) => START + offset),
      length: fc.integer({ min: 1, max: 400_000 }),
      step: fc.constantFrom('1s', '7s', '30s', '1m', '5m', '1234ms'),
    })
    await fc.assert(
      fc.asyncProperty(points, fc.array(window, { minLength: 1, maxLength: 4 }), async (series, windows) => {
        run += 1
        const agent_id = agentIdOf(`run ${run}`)
        api.clock.now = START + 600_000
        const reports = series.map(({ at, value }) =>
          reportOf({ metrics: [metricOf(value, { kind: 'counter' })] }, { agent_id, timestamp: iso(at) }),
        )
        expect((await api.send(token, ...reports)).json().accepted).toBe(series.length)
        for (const { aggregate, from, length, step } of windows) {
          const milliseconds = step.endsWith('ms')
            ? 1234
            : Number.parseInt(step, 10) * (step.endsWith('m') ? 60_000 : 1000)
          const [answered = []] = await query(api, {
            agent_id,
            aggregate,
            step,
            from: iso(from),
            to: iso(from + length),
            limit: '1',
          })
          const expected = downsample(series, aggregate, from, from + length, milliseconds)
          expect(answered.map(({ at }) => at)).toEqual(expected.map(({ at }) => at))
          for (const [index, { value }] of answered.entries())
            expect(value).toBeCloseTo(expected[index]?.value ?? Number.NaN, 9)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('filters by environment, agent, entity and attributes', async () => {
    const api = await startApi()
    const [a, b] = [await api.provision('a'), await api.provision('b')]
    const metrics = [
      metricOf(1, { attributes: { cpu: 0, mode: 'user', paused: true } }),
      metricOf(2, { attributes: { mode: 'system', cpu: 0 } }),
      metricOf(3, { entity: { type: 'volume', id: 'f=1' }, attributes: { 'a.b"c': 'x=y' } }),
    ]
    await api.send(a, reportOf({ metrics }))
    await api.send(b, reportOf({ metrics: metrics.slice(0, 1) }))
    const values = async (parameters: Record<string, string | string[]>) => {
      const response = await api.admin({
        url: '/api/v1/metrics',
        query: { name: 'container.memory.usage', to: iso(START + 1000), aggregate: 'last', ...parameters },
      })
      return response.json().series.flatMap((series: { points: Point[] }) => series.points.map((point) => point.value))
    }
    expect(await values({})).toEqual([1, 2, 3, 1])
    expect(await values({ environment: 'a', attribute: 'cpu=0' })).toEqual([1, 2])
    expect(await values({ environment: 'a', attribute: ['cpu=0', 'mode=user', 'paused=true'] })).toEqual([1])
    expect(await values({ attribute: 'a.b"c=x=y' })).toEqual([3])
    expect(await values({ attribute: 'mode=' })).toEqual([])
    expect(await values({ entity_type: 'volume', entity_id: 'f=1' })).toEqual([3])
    expect(await values({ agent_type: 'server' })).toEqual([])
    const page = await api.admin({
      url: '/api/v1/metrics',
      query: { name: 'container.memory.usage', limit: '2', to: iso(START + 1000) },
    })
    expect(await values({ cursor: page.json().next_cursor })).toEqual([3, 1])
  })

  test('distinguishes series by their attributes, whatever their order', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1, { attributes: { a: 1, b: 2 } })] }))
    await api.send(
      token,
      reportOf({ metrics: [metricOf(2, { attributes: { b: 2, a: 1 } })] }, { timestamp: iso(START + 1000) }),
    )
    await api.send(token, reportOf({ metrics: [metricOf(3, { attributes: { a: '1', b: 2 } })] }))
    const { series } = (await api.admin(`${AGENT_URL}/metrics`)).json()
    expect(series.map((each: { last: Point }) => each.last)).toEqual([
      { at: iso(START + 1000), value: 2 },
      { at: iso(START), value: 3 },
    ])
  })

  describe('dated points', () => {
    const parameters = { aggregate: 'last', step: '1s', from: iso(START - 600_000), to: iso(START + 60_000) }
    const dated = (offset: number, value: number) => metricOf(value, { at: iso(START + offset) })
    /** Returns values by the milliseconds after the start. */
    const stored = async (api: TestApi) => {
      const [points = []] = await query(api, parameters)
      return points.map(({ at, value }) => [at - START, value])
    }

    test('are stored at their own time, with the last value that the newest report has for it', async () => {
      const api = await startApi()
      const token = await api.provision()
      const [first, late] = [v7(), v7()]
      const older = { report_id: first, sequence: 1, timestamp: iso(START - 2_000) }
      await api.send(token, reportOf({ metrics: [dated(-120_000, 1), dated(-180_000, 2), metricOf(3)] }, older))
      const newer = { sequence: 3, timestamp: iso(START) }
      await api.send(token, reportOf({ metrics: [dated(-60_000, 4), dated(-120_000, 5), dated(-120_000, 6)] }, newer))
      const expected = [
        [-180_000, 2],
        [-120_000, 6],
        [-60_000, 4],
        [-2_000, 3],
      ]
      expect(await stored(api)).toEqual(expected)
      // Arrives after a newer one, twice.
      const delayed = { report_id: late, sequence: 2, timestamp: iso(START - 1_000) }
      const metrics = [dated(-120_000, 7), dated(-240_000, 8)]
      for (const accepted of [1, 0])
        expect((await api.send(token, reportOf({ metrics }, delayed))).json()).toMatchObject({ accepted })
      expect(await stored(api)).toEqual([[-240_000, 8], ...expected])
    })

    test.each([
      ['ahead', 3_600_000],
      ['behind', -3_600_000],
    ])('are kept, or get the time of the report, also if the clock of the agent is %s', async (_how, offset) => {
      const api = await startApi()
      const token = await api.provision()
      await api.heartbeat(token, { started_at: iso(START + offset) })
      const metrics = [dated(-120_000, 1), dated(301_000, 2)]
      await api.send(token, reportOf({ metrics }, { timestamp: iso(START + offset) }))
      expect(await stored(api)).toEqual([
        [-120_000, 1],
        [0, 2],
      ])
    })
  })

  test('returns the rate of counters per second, and refuses it for gauges', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf({ metrics: [metricOf(1), metricOf(5, { name: 'bytes', kind: 'counter', unit: 'By' })] }),
    )
    await api.send(
      token,
      reportOf(
        { metrics: [metricOf(25, { name: 'bytes', kind: 'counter', unit: 'By' })] },
        { timestamp: iso(START + 10_000) },
      ),
    )
    const rate = (await api.admin(`/api/v1/metrics?name=bytes&aggregate=rate&step=1m&to=${iso(START + 60_000)}`)).json()
    expect(rate).toMatchObject({
      step_seconds: 60,
      series: [{ unit: 'By/s', kind: 'gauge', points: [{ at: iso(START), value: 2 }] }],
    })
    const refused = await api.admin(
      '/api/v1/metrics?name=container.memory.usage&aggregate=rate&to=2026-11-22T12:01:00Z',
    )
    expect([refused.statusCode, refused.json().errors[0].pointer]).toEqual([422, '#/query/aggregate'])
  })

  test('returns the last hour in about 240 points by default', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1)] }, { timestamp: iso(START - 1000) }))
    const answer = (await api.admin('/api/v1/metrics?name=container.memory.usage')).json()
    expect(answer).toMatchObject({
      from: iso(START - 3_600_000),
      to: iso(START),
      step_seconds: 15,
      aggregate: 'avg',
      next_cursor: null,
      series: [{ environment: 'prod-cluster-1', points: [{ value: 1 }] }],
    })
  })

  test('refuses more points than the maximum, counting the matching series', async () => {
    const api = await startApi()
    const token = await api.provision()
    const metrics = Array.from({ length: 60 }, (_, index) => metricOf(index, { attributes: { index } }))
    await api.send(token, reportOf({ metrics }, { timestamp: iso(START - 1000) }))
    const status = async (parameters: string) =>
      (await api.admin(`/api/v1/metrics?name=container.memory.usage&step=1s&${parameters}`)).statusCode
    expect([await status(''), await status('limit=50'), await status('attribute=index=7')]).toEqual([422, 200, 200])
  })

  test('answers from threads of their own, with the number of points that were read and their maximum', async () => {
    const api = await startApi({ readThreads: 2, maxPointsScanned: 3 })
    const token = await api.provision()
    await api.send(
      token,
      reportOf({
        metrics: [metricOf(1), metricOf(3, { name: 'other' })],
        entities: [entityOf('c1')],
        events: [eventOf()],
        gaps: [{ scope: 'all', reason: 'none', since: iso(START) }],
      }),
    )
    for (const second of [1, 2])
      await api.send(token, reportOf({ metrics: [metricOf(2)] }, { timestamp: iso(START + second * 1000) }))
    api.clock.now += 3000
    const answer = (await api.admin('/api/v1/metrics?name=container.memory.usage&aggregate=max&step=1h')).json()
    expect(answer).toMatchObject({ scanned: { points: 3, max_points: 3 }, series: [{ points: [{ value: 2 }] }] })
    await api.send(token, reportOf({ metrics: [metricOf(4)] }, { timestamp: iso(START + 2500) }))
    const refused = await api.admin('/api/v1/metrics?name=container.memory.usage&aggregate=max&step=1h')
    expect([refused.statusCode, refused.json().errors[0].pointer]).toEqual([422, '#/query/from'])
    expect(refused.json().errors[0].detail).toContain('more than 3 stored points (`RCA_MAX_POINTS_SCANNED`)')
    const lists = [
      'events',
      'agents',
      'audit',
      ...['entities', 'metrics', 'gaps'].map((name) => `${AGENT_URL.slice(8)}/${name}`),
    ]
    for (const list of lists) expect((await api.admin(`/api/v1/${list}`)).statusCode, list).toBe(200)
  })

  test('writes the answer in parts', async () => {
    const api = await startApi()
    const token = await api.provision()
    const times = Array.from({ length: 2000 }, (_, index) => START + index)
    for (let first = 0; first < times.length; first += 200)
      await api.send(
        token,
        ...times
          .slice(first, first + 200)
          .map((at) => reportOf({ metrics: [metricOf(at % 7)] }, { timestamp: iso(at) })),
      )
    const [points] = await query(api, { from: iso(START), to: iso(START + 2000), step: '1ms' })
    expect(points).toEqual(times.map((at) => ({ at, value: at % 7 })))
  })

  test('leaves out sums that overflow', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf({ metrics: [metricOf(1.7e308)] }),
      reportOf({ metrics: [metricOf(1.7e308)] }, { timestamp: iso(START + 1) }),
    )
    expect(await query(api, { aggregate: 'sum', to: iso(START + 1000) })).toEqual([[]])
  })

  test.each([
    ['step=0s', 'step'],
    ['step=1', 'step'],
    ['step=1ms', 'step'],
    [`step=${'9'.repeat(200)}s`, 'step'],
    ['step=99999999999999999d', 'step'],
    ['from=2026-11-22T13:00:00Z&to=2026-11-22T13:00:00Z', 'from'],
    ['aggregate=median', 'aggregate'],
    ['attribute=x', 'attribute/0'],
    ['attribute==x', 'attribute/0'],
    ['attribute=k=a&attribute=k=b', 'attribute'],
    [Array.from({ length: 17 }, (_, index) => `attribute=k${index}=a`).join('&'), 'attribute'],
    [Array.from({ length: 1001 }, (_, index) => `attribute=k${index}=a`).join('&'), 'attribute'],
    ['agent_id=x', 'agent_id'],
  ])('refuses %s', async (parameters, field) => {
    const api = await startApi()
    const response = await api.admin(`/api/v1/metrics?name=x&${parameters}`)
    expect([response.statusCode, response.json().errors?.[0].pointer]).toEqual([422, `#/query/${field}`])
  })
})
