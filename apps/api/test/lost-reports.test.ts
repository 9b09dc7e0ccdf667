import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { AGENT_URL, at, DAY, metricOf, reportOf, SECOND, START, startApi, type TestApi } from './kit.ts'

const HOUR = 3600 * SECOND

interface FoldedGap {
  readonly scope: string
  readonly reason: string
  readonly open: boolean
  readonly since: string
  readonly last_reported_at: string
  readonly periods: readonly { readonly since: string; readonly until: string }[]
}

async function gapsOf(api: TestApi, scope: string): Promise<FoldedGap[]> {
  return (await api.list<FoldedGap>(`${AGENT_URL}/gaps`)).filter((gap) => gap.scope === scope)
}

const periodsOf = async (api: TestApi) => (await gapsOf(api, 'reports')).flatMap(({ periods }) => periods)

const restartsOf = async (api: TestApi) =>
  (await api.list<{ at: string; body: string; attributes: object }>('/api/v1/events?name=agent.restarted')).toReversed()

/** Sends a report with the time and the sequence of a second, or another sequence. */
async function report(api: TestApi, token: string, second: number, sequence = second, rest: object = {}) {
  const msecs = START + second * SECOND
  api.clock.now = Math.max(api.clock.now, msecs)
  const fields = { timestamp: at(second), sequence, report_id: v7({ msecs }), ...rest }
  expect((await api.send(token, reportOf({ metrics: [metricOf(second)] }, fields))).statusCode).toBe(202)
}

async function heartbeat(api: TestApi, token: string, second: number, startedAt: number, rest: object = {}) {
  api.clock.now = Math.max(api.clock.now, START + second * SECOND)
  const response = await api.heartbeat(token, {
    started_at: at(startedAt),
    report_interval_seconds: 1,
    instance_id: `web-1-${startedAt}`,
    ...rest,
  })
  expect(response.statusCode).toBe(200)
  return response.json()
}

describe('a restarted agent', () => {
  test('has an event that names another version of its connector', async () => {
    const api = await startApi()
    const token = await api.provision()
    const connectors = [
      undefined,
      { package: '@acme/rca-docker', version: '1.0.0' },
      { package: '@acme/rca-docker', version: '1.1.0' },
      { package: '@rca/connector-docker', version: '1.1.0' },
      { package: '@rca/connector-docker', version: '1.1.0' },
    ]
    for (const [index, connector] of connectors.entries())
      await heartbeat(api, token, 10 * index, 10 * index, {
        connector,
        agent_version: index < 2 ? '1.0.0' : '1.1.0',
      })
    const restarts = await restartsOf(api)
    expect(restarts.map(({ body }) => body)).toEqual([
      'The agent was restarted.',
      'The agent was restarted with version 1.1.0, after 1.0.0; with @acme/rca-docker 1.1.0, after 1.0.0.',
      'The agent was restarted with @rca/connector-docker 1.1.0, after @acme/rca-docker 1.1.0.',
      'The agent was restarted.',
    ])
    expect(restarts[1]?.attributes).toMatchObject({
      'agent.connector.package': '@acme/rca-docker',
      'agent.connector.version': '1.1.0',
      'agent.connector.version_before': '1.0.0',
    })
  })

  test('that was killed six times while the platform was away has an event, and a gap of the time without reports', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (let second = 0; second < 4; second += 1) await report(api, token, second)
    await heartbeat(api, token, 78, 70, { agent_version: '1.1.0' })
    await report(api, token, 78, 0)
    await report(api, token, 79, 1)
    expect(await restartsOf(api)).toMatchObject([
      {
        at: at(70),
        severity: 'info',
        body: 'The agent was restarted with version 1.1.0, after 1.0.0.',
        attributes: { 'agent.started_at': at(70), 'agent.started_before': at(0), 'agent.version_before': '1.0.0' },
      },
    ])
    expect(await gapsOf(api, 'reports')).toMatchObject([
      {
        open: false,
        since: at(3),
        last_reported_at: at(78),
        reason: expect.stringMatching(/^No reports for 75 seconds, until the agent was restarted\. It did not run, or/),
      },
    ])
  })

  test('has an event for each restart, and no gap for a short one', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const start of [0, 5, 10]) {
      await heartbeat(api, token, start, start)
      await heartbeat(api, token, start + 1, start)
      for (const sequence of [0, 1, 2]) await report(api, token, start + sequence, sequence)
    }
    expect((await restartsOf(api)).map((event) => event.at)).toEqual([at(5), at(10)])
    expect(await gapsOf(api, 'reports')).toEqual([])
  })

  test('has a gap for lost first reports, however short', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    await report(api, token, 1, 0)
    await heartbeat(api, token, 3, 2)
    await report(api, token, 4, 2)
    expect(await gapsOf(api, 'reports')).toMatchObject([{ reason: expect.stringMatching(/^2 reports did not arrive/) }])
  })

  test('that delivers what its last run left on disk has no gap but the time in which it did not run', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (const second of [0, 1]) await report(api, token, second)
    // Killed at second 4, and started again at second 60.
    await heartbeat(api, token, 60, 60)
    for (const second of [2, 3, 4]) await report(api, token, second)
    await report(api, token, 61, 5)
    await report(api, token, 62, 6)
    expect(await periodsOf(api)).toEqual([{ since: at(4), until: at(61) }])
    expect((await gapsOf(api, 'reports')).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^No reports for 57 seconds, until the agent was restarted/),
    ])
  })

  test('that lost some of them has a gap for those alone', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (const second of [0, 1]) await report(api, token, second)
    await heartbeat(api, token, 6, 6)
    for (const second of [4, 5]) await report(api, token, second)
    await report(api, token, 7, 6)
    expect(await gapsOf(api, 'reports')).toMatchObject([
      { since: at(1), last_reported_at: at(4), reason: expect.stringMatching(/^2 reports did not arrive/) },
    ])
  })

  test('that names no process has an event too', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const start of [0, 60]) await heartbeat(api, token, start, start, { instance_id: undefined })
    expect((await restartsOf(api)).map((event) => event.at)).toEqual([at(60)])
  })

  test('is not one whose leader changes, nor a replica before it takes part in the election', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const [second, role] of [
      [0, { role: 'leader', lead_id: v7({ msecs: START }) }],
      [1, { instance_id: undefined }],
      [2, { role: 'leader', lead_id: v7({ msecs: START + 2 * SECOND }) }],
    ] as const)
      await heartbeat(api, token, second, second, role)
    expect(await restartsOf(api)).toEqual([])
    expect(await gapsOf(api, 'clones')).toEqual([])
  })
})

describe('reports that do not arrive', () => {
  test('are a closed gap between the reports around them', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (const second of [0, 1, 5, 6, 8]) await report(api, token, second)
    expect(await periodsOf(api)).toEqual([
      { since: at(6), until: at(8) },
      { since: at(1), until: at(5) },
    ])
    expect(await gapsOf(api, 'reports')).toMatchObject([
      { open: false, reason: expect.stringMatching(/^One report did not arrive/) },
    ])
    expect((await api.admin(AGENT_URL)).json().health.status).toBe('healthy')
  })

  test('and arrive late leave the gap of those that are still missing', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (const second of [0, 1, 7, 4]) await report(api, token, second)
    expect(await periodsOf(api)).toEqual([
      { since: at(4), until: at(7) },
      { since: at(1), until: at(4) },
    ])
    for (const second of [2, 3, 6]) await report(api, token, second)
    expect(await periodsOf(api)).toEqual([{ since: at(4), until: at(6) }])
    await report(api, token, 5)
    expect(await periodsOf(api)).toEqual([])
  })

  test('are not replaced by the late reports of the run before', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 0, 0)
    for (const second of [0, 4]) await report(api, token, second)
    await heartbeat(api, token, 5, 5)
    for (const sequence of [0, 4]) await report(api, token, 5 + sequence, sequence)
    const before = await periodsOf(api)
    await report(api, token, 2)
    expect(await periodsOf(api)).toEqual(before)
  })

  test('are counted within a leader term, and not between two', async () => {
    const api = await startApi()
    const token = await api.provision()
    const terms = [0, 4].map((second) => v7({ msecs: START + second * SECOND }))
    for (const [index, lead_id] of terms.entries()) {
      await heartbeat(api, token, 4 * index, 0, { role: 'leader', lead_id, instance_id: `pod-${index}` })
      for (const sequence of [0, 2]) await report(api, token, 4 * index + sequence, 100 * index + sequence, { lead_id })
    }
    expect(await periodsOf(api)).toEqual([
      { since: at(4), until: at(6) },
      { since: at(0), until: at(2) },
    ])
  })

  test('are not those before the first one that the platform knows', async () => {
    const api = await startApi()
    const token = await api.provision()
    await report(api, token, 500)
    await heartbeat(api, token, 501, 0)
    await report(api, token, 501)
    expect(await gapsOf(api, 'reports')).toEqual([])
  })
})

describe('a cloned agent', () => {
  test.each([
    ['that names its processes', {}],
    ['of an earlier version, by the time of its start', { instance_id: undefined }],
  ])('%s is a gap, open until an hour after its processes last took turns', async (_which, names) => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, 100, 0, names)
    await report(api, token, 100, 100)
    await heartbeat(api, token, 101, 50, names)
    await report(api, token, 102, 0)
    await report(api, token, 103, 101)
    const { warning } = await heartbeat(api, token, 104, 0, names)
    expect(warning).toMatch(/^Several processes are this agent/)
    // Neither before nor after clones are noticed do their sequences look like lost reports.
    for (const [second, sequence] of [
      [105, 1],
      [106, 102],
      [107, 2],
    ] as const)
      await report(api, token, second, sequence)
    expect(await gapsOf(api, 'reports')).toEqual([])
    expect(await gapsOf(api, 'clones')).toMatchObject([
      { open: true, since: at(101), reason: expect.stringContaining('Several processes are this agent in turn') },
    ])
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({
      health: { status: 'degraded', gaps: [{ scope: 'clones' }] },
      cloned: { instances: [expect.any(String), expect.any(String)] },
    })
    api.clock.now += 2 * HOUR
    await heartbeat(api, token, 0, 0, names)
    await report(api, token, 2 * 3600 + 110, 103)
    expect(await gapsOf(api, 'clones')).toMatchObject([{ open: false }])
    expect((await api.admin(AGENT_URL)).json().health.status).toBe('healthy')
  })

  test('that sends no reports is a gap as well', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (const [second, start] of [
      [0, 0],
      [1, 1],
      [2, 0],
    ] as const)
      await heartbeat(api, token, second, start)
    expect(await gapsOf(api, 'clones')).toMatchObject([{ open: true, since: at(1), last_reported_at: at(2) }])
    expect(await restartsOf(api)).toHaveLength(1)
    api.clock.now += DAY
    await heartbeat(api, token, 0, 1)
    expect(await gapsOf(api, 'clones')).toMatchObject([{ periods: [{}, {}] }])
  })
})
