import { DatabaseSync } from 'node:sqlite'
import { gunzipSync } from 'node:zlib'
import { createAgent, silentLogger } from '@rca/core'
import { command, defineConnector, entity, metric } from '@rca/core/connector'
import { type ReceivedReport, type Report, withSeriesValues } from '@rca/core/protocol'
import fc from 'fast-check'
import { v7 } from 'uuid'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { UnknownSeriesSetError } from '../src/store/ingest/point-writer.ts'
import { openStore } from '../src/store/open-store.ts'
import { createReadSession } from '../src/store/read-session.ts'
import type { Store } from '../src/store/store.ts'
import { agentIdOf, at, DAY, metricOf, reportOf, START, startApi, type TestApi } from './kit.ts'

const points = [metricOf(1), metricOf(2, { name: 'container.cpu.time', unit: 's', kind: 'counter' })]

/** Sends reports, and asks for the sets of their series. */
function sendAsking(api: TestApi, token: string, ...reports: readonly ReceivedReport[]) {
  const payload = { reports, series_sets: true }
  return api.agent(token, { method: 'POST', url: '/api/v1/agent/data', payload })
}

function valuesOf(series_set: string, values: readonly number[], rest: object = {}): ReceivedReport {
  const report = reportOf({}, { sequence: 1, timestamp: at(10), ...rest })
  return { ...report, data: { ...report.data, metrics: [{ series_set, values }] } }
}

async function startWithSet() {
  const api = await startApi()
  const token = await api.provision()
  const response = await sendAsking(api, token, reportOf({ metrics: points }))
  const [set = ''] = response.json<{ series_sets: string[] }>().series_sets
  const stored = (name: string): unknown[] => {
    const database = new DatabaseSync(api.databasePath, { readOnly: true })
    const rows = database.prepare('select value from points join series on id = series_id where name = ? order by at')
    const values = rows.all(name).map(({ value }) => value)
    database.close()
    return values
  }
  return { api, token, set, stored }
}

describe('values of a set of series', () => {
  test('are stored like points in full', async () => {
    const { api, token, set, stored } = await startWithSet()
    const response = await sendAsking(api, token, valuesOf(set, [5, 6]))
    expect([response.statusCode, response.json()]).toEqual([202, { accepted: 1, duplicates: 0, series_sets: [] }])
    expect(stored('container.memory.usage')).toEqual([1, 5])
    expect(stored('container.cpu.time')).toEqual([2, 6])
    const { body } = await api.admin('/metrics')
    expect(body).toMatch(/^rca_api_points_received_total 4$/m)
  })

  test('are named to agents that ask, and not to others', async () => {
    const { api, token, set } = await startWithSet()
    const full = () => reportOf({ metrics: [...points, metricOf(1, { entity: { type: 'container', id: 'c2' } })] })
    expect((await api.send(token, full())).json()).toEqual({ accepted: 1, duplicates: 0 })
    const { series_sets } = (await sendAsking(api, token, full())).json()
    expect(series_sets).toEqual([set, expect.stringMatching(/^[\w-]{22}$/)])
  })

  test('are refused with 409 for an unknown set or another number of series, and nothing of the request is stored', async () => {
    const { api, token, set, stored } = await startWithSet()
    const full = reportOf({ metrics: [metricOf(9)] }, { sequence: 1, timestamp: at(20) })
    for (const refused of [valuesOf('unknown', [5, 6]), valuesOf(set, [5])]) {
      const response = await sendAsking(api, token, full, refused)
      expect(response.statusCode).toBe(409)
      expect(response.json().detail).toMatch(/^The set of series `[^`]+` is unknown\. Send its points in full\.$/)
    }
    expect(stored('container.memory.usage')).toEqual([1])
    expect((await sendAsking(api, token, full)).json()).toMatchObject({ accepted: 1 })
  })

  test('are refused for the set of another agent', async () => {
    const { api, token, set } = await startWithSet()
    const response = await sendAsking(api, token, valuesOf(set, [5, 6], { agent_id: agentIdOf('second') }))
    expect(response.statusCode).toBe(409)
  })

  test('are refused after the retention has removed their series', async () => {
    const { api, token, set } = await startWithSet()
    api.clock.now = START + 9 * DAY
    const later = { timestamp: at(9 * 86_400) }
    expect((await sendAsking(api, token, reportOf({}, { sequence: 1, ...later }))).statusCode).toBe(202)
    await api.applyRetention()
    expect((await sendAsking(api, token, valuesOf(set, [5, 6], later))).statusCode).toBe(409)
    expect((await sendAsking(api, token, reportOf({ metrics: points }, later))).json().series_sets).toEqual([set])
    expect((await sendAsking(api, token, valuesOf(set, [5, 6], later))).statusCode).toBe(202)
  })

  test('are not offered for a set with series beyond the limit', async () => {
    const api = await startApi({ maxSeriesPerAgent: 1 })
    const token = await api.provision()
    const response = await sendAsking(api, token, reportOf({ metrics: points }))
    expect(response.json()).toEqual({ accepted: 1, duplicates: 0, series_sets: [] })
  })

  test('that are invalid are refused with a pointer', async () => {
    const { api, token, set } = await startWithSet()
    const response = await sendAsking(api, token, valuesOf(set, [5, 'x' as unknown as number]))
    expect([response.statusCode, response.json().errors]).toEqual([
      422,
      [{ pointer: '#/reports/0/data/metrics/0/values/1', detail: 'Must be a number, not a string.' }],
    ])
    const many = Array.from({ length: 501 }, () => ({ series_set: set, values: Array(500).fill(1) }))
    const report = reportOf()
    const crowded = await sendAsking(api, token, { ...report, data: { ...report.data, metrics: many } })
    expect(crowded.json().detail).toMatch('at most 250000 points')
  })
})

const gauges = {
  up: metric({ name: 'test.up', unit: '1', kind: 'gauge', description: 'Counts runs.' }),
  down: metric({ name: 'test.down', unit: '1', kind: 'gauge', description: 'Counts runs downwards.' }),
  container: entity({ type: 'container', description: 'A container.' }),
}

/** Creates a connector whose two points are the number of the run, and its negative. */
function counting() {
  const container = gauges.container.reference('c1')
  let runs = 0
  return defineConnector({
    type: 'docker',
    title: 'Docker',
    description: 'Counts',
    config: z.object({}),
    signals: gauges,
    deploy: ({ agentToken }) => ({ command: command('install', agentToken) }),
    connect: async () => ({}),
    identify: async () => ({ id: 'engine', name: 'engine', entity: container }),
    collectors: {
      runs: {
        collect: async () => {
          runs += 1
          return { metrics: [gauges.up.point(runs, container), gauges.down.point(-runs, container)] }
        },
      },
    },
  })
}

test('an agent sends values of known series, and all in full to a restarted platform, which mixes no series up', {
  timeout: 120_000,
}, async () => {
  /** Statuses of the answers to reports, with `values` for requests that contain any. */
  const answers: string[] = []
  const { fetch } = globalThis
  vi.stubGlobal('fetch', async (request: Request, init?: RequestInit) => {
    const response = await fetch(request, init)
    const body = Buffer.from((init?.body ?? '') as string)
    const text = (body[0] === 0x1f ? gunzipSync(body) : body).toString()
    if (request.url.endsWith('/data')) answers.push(`${response.status}${text.includes('"values"') ? ' values' : ''}`)
    return response
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  const wait = { timeout: 60_000, interval: 20 }
  const first = await startApi({ now: Date.now })
  const url = await first.listen()
  const agent = createAgent({
    connector: counting(),
    platformUrl: url,
    agentToken: await first.provision(),
    config: { collect_interval: '50ms' },
    logger: silentLogger,
  })
  onTestFinished(() => agent.stop())
  await agent.start()
  await expect.poll(() => answers, wait).toContain('202 values')
  const databaseUrl = `sqlite:${first.databasePath}`
  await first.close()
  answers.length = 0
  const second = await startApi({ now: Date.now, databaseUrl, port: Number(new URL(url).port) })
  await second.listen()
  // The last answer of the first platform may still be on its way.
  const fromRefusal = (): string[] => answers.slice(answers.indexOf('409 values'))
  await expect.poll(() => answers, wait).toContain('409 values')
  await expect.poll(fromRefusal, wait).toContain('202 values')
  expect(fromRefusal().slice(0, 2)).toEqual(['409 values', '202'])
  await agent.stop()
  const database = new DatabaseSync(first.databasePath, { readOnly: true })
  const valuesBy = (name: string): unknown[] =>
    database
      .prepare('select value from points join series on id = series_id where name = ? order by at')
      .all(name)
      .map(({ value }) => value)
  const [up, down] = [valuesBy('test.up'), valuesBy('test.down')]
  database.close()
  expect(up).toEqual(Array.from({ length: up.length }, (_, index) => index + 1))
  expect(down).toEqual(Array.from({ length: up.length }, (_, index) => -1 - index))
})

/** The first token of a store. */
const SENDER: Parameters<Store['agents']['heartbeat']>[0] = {
  ...{ kind: 'token', id: 1, created_at: START, expires_at: null },
  ...{ hash: '', revoked_at: null, last_used_at: null, joinable_until: null, max_agents: null },
  ...{ environment: 'e', agent_type: 'docker' },
}

const x = { type: 'container', id: 'x' }
const y = { type: 'container', id: 'y' }

/** Few sets, so that most are known when they are sent again. A series may be in several sets, and twice in one. */
const SETS = [
  [
    { name: 'a', entity: x },
    { name: 'b', entity: x, attributes: { p: 1, q: 'r' } },
    { name: 'a', entity: x },
  ],
  [
    { name: 'a', entity: y },
    { name: 'c', entity: y },
  ],
  [
    { name: 'b', entity: x, attributes: { q: 'r', p: 1 } },
    { name: 'a', entity: x },
  ],
  [{ name: 'c', entity: y }],
]

const pointsOfSet = fc.record({
  set: fc.nat(SETS.length - 1),
  values: fc.array(fc.nat(9), { minLength: 3, maxLength: 3 }),
  dated: fc.boolean(),
})

type Points = typeof pointsOfSet extends fc.Arbitrary<infer Value> ? Value : never

/** Number of sets whose values were stored. */
let replaced = 0

test('values of sets and points in full lead to the same rows, late, repeated and out of order', {
  timeout: 300_000,
}, async () => {
  const reports = fc.array(fc.array(pointsOfSet, { maxLength: 5 }), { minLength: 3, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(reports, fc.array(fc.nat(), { minLength: 8, maxLength: 24 }), async (signals, order) => {
      const store = await openStore('sqlite::memory:')
      try {
        await store.access.provision(
          {
            ...{ environment: 'e', agent_type: 'docker', hash: 'h', created_at: START },
            ...{ joinable_until: null, max_agents: null },
          },
          { config: {}, withheld: [], limits: { ttlMs: null, uses: null } },
        )
        const full = signals.map((metrics, sequence) => reportWith(metrics, sequence))
        const known = new Set<string>()
        for (const place of order) {
          const report = full[place % full.length] as Report
          await store.signals.write(SENDER, [{ ...report, agent_id: agentIdOf('full') }], START)
          await sendValues(store, { ...report, agent_id: agentIdOf('sets') }, known)
        }
        expect(await rowsOf(store, 'sets')).toEqual(await rowsOf(store, 'full'))
      } finally {
        await store.close()
      }
    }),
    { numRuns: 60 },
  )
  expect(replaced).toBeGreaterThan(100)
})

function reportWith(points: readonly Points[], sequence: number): Report {
  const metrics = points.flatMap(({ set, values, dated }) =>
    (SETS[set] ?? []).map((series, place) =>
      metricOf(values[place] ?? 0, { ...series, ...(dated && { at: at(-100) }) }),
    ),
  )
  return reportOf({ metrics }, { report_id: v7(), sequence, timestamp: at(sequence * 10 - 60) })
}

/** Delivers a report as an agent does: values of the sets that the platform has named, all in full after a refusal. */
async function sendValues(store: Store, report: Report, known: Set<string>): Promise<void> {
  const metrics = withSeriesValues(report.data.metrics, (set) => known.has(set))
  try {
    const { seriesSets } = await store.signals.write(SENDER, [{ ...report, data: { ...report.data, metrics } }], START)
    for (const set of seriesSets) known.add(set)
    replaced += metrics.filter((metric) => 'series_set' in metric).length
  } catch (error) {
    expect(error).toBeInstanceOf(UnknownSeriesSetError)
    known.clear()
    await sendValues(store, report, known)
  }
}

async function rowsOf(store: Store, agent: string): Promise<unknown[]> {
  const session = createReadSession(AbortSignal.timeout(60_000), 1_000_000)
  const { items } = await store.signals.series({ agent_id: agentIdOf(agent) }, { limit: 1000 }, session)
  const range = { from: START - DAY, to: START + DAY, step: 1, aggregate: 'last' } as const
  const stored = await store.signals.points({ ...range, seriesIds: items.map(({ id }) => id) }, session)
  const rows = items.map(({ id, name, entity_id, attributes }) => ({
    ...{ name, entity_id, attributes },
    points: (stored.get(id) ?? []).map((part) => [[...part.at], [...part.values]]),
  }))
  return rows.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
}
