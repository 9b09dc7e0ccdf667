import { describe, expect, test } from 'vitest'
import { makeArtifacts } from './artifacts.ts'
import { AGENT_URL, agentIdOf, at, reportOf, START, startApi, type TestApi } from './kit.ts'

const id = agentIdOf('first')
const agents = async (api: TestApi, query = '') => (await api.admin(`/api/v1/agents?${query}`)).json().agents

describe('connectivity of an agent', () => {
  test('is pending until the first call, then online, and offline after three heartbeat intervals without a call', async () => {
    const api = await startApi()
    const token = await api.provision()
    const pending = {
      agent_id: null,
      environment: 'prod-cluster-1',
      agent_type: 'docker',
      connectivity: 'pending',
      health: { status: 'unknown', collectors: {}, gaps: [] },
      data: { status: 'unknown' },
      provisioned_at: at(0),
    }
    expect(await agents(api)).toEqual([pending])

    const answer = await api.heartbeat(token, { agent_name: 'web-1' })
    expect([answer.statusCode, answer.json()]).toEqual([200, { interval_seconds: 30, server_time: at(0) }])
    expect(await agents(api)).toMatchObject([
      { agent_id: id, connectivity: 'online', name: 'web-1', health: { status: 'healthy' } },
    ])
    api.clock.now = START + 90_000
    expect(await agents(api, 'connectivity=online')).toHaveLength(1)
    api.clock.now += 1
    expect(await agents(api, 'connectivity=online')).toHaveLength(0)
    expect(await agents(api, 'connectivity=offline')).toMatchObject([
      {
        connectivity: 'offline',
        last_seen_at: at(0),
        health: { status: 'unknown', collectors: { containers: { ok: true } } },
      },
    ])
    await api.send(token, reportOf({}, { timestamp: at(91) }))
    expect(await agents(api)).toMatchObject([{ connectivity: 'online', last_report_at: at(91) }])
  })

  test('uses the heartbeat interval of the agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    expect((await api.heartbeat(token, { interval_seconds: 2.5 })).json().interval_seconds).toBe(2.5)
    api.clock.now += 7_501
    expect(await agents(api, 'connectivity=offline')).toMatchObject([
      { heartbeat_interval_seconds: 2.5, connectivity: 'offline' },
    ])
    expect((await api.admin(AGENT_URL)).json().connectivity).toBe('offline')
  })

  test('is not pending for a type whose tokens are revoked', async () => {
    const api = await startApi()
    await api.provision()
    await api.admin({ method: 'POST', url: '/api/v1/environments/prod-cluster-1/token/revoke' })
    expect(await agents(api)).toEqual([])
  })
})

describe('health of an agent', () => {
  test('is degraded while a collector fails or a gap is open', async () => {
    const api = await startApi()
    const token = await api.provision()
    const failed = {
      containers: { ok: true, duration_ms: 3 },
      images: { ok: false, duration_ms: 10_000, error: 'did not finish within 10 s' },
    }
    await api.heartbeat(token, { collectors: failed })
    expect(await agents(api)).toMatchObject([{ health: { status: 'degraded', collectors: failed } }])
    await api.heartbeat(token)
    expect(await agents(api)).toMatchObject([{ health: { status: 'healthy' } }])
    const gap = { scope: 'container:2', reason: 'permission denied', since: at(0) }
    await api.send(token, reportOf({ gaps: [gap] }))
    expect(await agents(api)).toMatchObject([{ health: { status: 'degraded', gaps: [{ ...gap, open: true }] } }])
  })

  test('is not degraded by a gap that ended before its report, which is listed with its end', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token)
    const gap = { scope: 'watcher:events', reason: 'the stream was closed', since: at(1) }
    await api.send(token, reportOf({ gaps: [{ ...gap, until: at(3) }] }, { timestamp: at(10) }))
    expect(await agents(api)).toMatchObject([{ health: { status: 'healthy', gaps: [] } }])
    const { gaps } = (await api.admin(`${AGENT_URL}/gaps`)).json()
    expect(gaps).toMatchObject([{ ...gap, last_reported_at: at(3), open: false, count: 1 }])
    expect(gaps[0].blind_seconds).toBe(2)
  })

  test('reports collectors without a duration: watchers and `connect`', async () => {
    const api = await startApi()
    const token = await api.provision()
    const collectors = { events: { ok: true }, connect: { ok: false, error: 'connection refused' } }
    expect((await api.heartbeat(token, { collectors })).statusCode).toBe(200)
    const [listed] = await agents(api)
    expect(listed.health).toMatchObject({ status: 'degraded', collectors })
    expect(listed.health.collectors.events).toEqual({ ok: true })
    expect((await api.admin(AGENT_URL)).json()).toEqual(listed)
  })
})

describe('an agent that cannot connect', () => {
  const gaps = async (api: TestApi) => (await api.admin(`${AGENT_URL}/gaps`)).json().gaps
  const refused = { connect: { ok: false, error: 'a proxy refused GET /info: allow it' } }

  test('has an open gap since its first heartbeat, until its next report', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token, { collectors: refused })
    api.clock.now += 30_000
    await api.heartbeat(token, { collectors: refused })
    const gap = { scope: 'connection', reason: refused.connect.error, since: at(0), last_reported_at: at(30) }
    expect((await api.admin(AGENT_URL)).json().health.gaps).toEqual([{ ...gap, open: true }])
    await api.heartbeat(token)
    api.clock.now += 5_000
    await api.send(token, reportOf({}, { timestamp: at(35) }))
    expect(await gaps(api)).toMatchObject([{ ...gap, open: false, blind_seconds: 30 }])
    api.clock.now += 5_000
    await api.heartbeat(token, { collectors: refused })
    expect(await gaps(api)).toMatchObject([{ since: at(40), open: true, count: 2 }])
  })

  test('keeps the gap when it is identified', async () => {
    const api = await startApi()
    const token = await api.provision()
    const provisional = agentIdOf('provisional')
    await api.heartbeat(token, { agent_id: provisional, collectors: refused })
    await api.heartbeat(token, { replaces_agent_id: provisional })
    expect(await gaps(api)).toMatchObject([{ scope: 'connection', since: at(0), open: true }])
  })
})

describe('identity of an agent', () => {
  test('replaces a provisional agent once it is identified, unless the provisional one has sent reports', async () => {
    const api = await startApi()
    const [token, elsewhere] = [await api.provision('a'), await api.provision('b')]
    const provisional = agentIdOf('provisional')
    const waiting = { agent_id: provisional, collectors: { connect: { ok: false, error: 'connection refused' } } }
    await api.heartbeat(elsewhere, waiting)
    await api.heartbeat(token, waiting)
    await api.heartbeat(token, { replaces_agent_id: provisional })
    expect((await agents(api, 'environment=a')).map((agent: { agent_id: string }) => agent.agent_id)).toEqual([id])
    expect(await agents(api, 'environment=b')).toHaveLength(1)
    await api.heartbeat(token, waiting)
    await api.send(token, reportOf({}, { agent_id: provisional }))
    await api.heartbeat(token, { replaces_agent_id: provisional })
    expect(await agents(api, 'environment=a')).toHaveLength(2)
    await api.heartbeat(token, { replaces_agent_id: id })
    expect(await agents(api, 'environment=a')).toHaveLength(2)
  })

  test.each([
    ['has a collector', {}, {}],
    ['has a name', { agent_name: 'web-1', collectors: {} }, {}],
    ['had a collector before', {}, { collectors: { connect: { ok: false } } }],
  ])('cannot be replaced by another agent when it %s', async (_name, first, second) => {
    const api = await startApi()
    const token = await api.provision()
    const victim = agentIdOf('victim')
    await api.heartbeat(token, { agent_id: victim, ...first })
    await api.heartbeat(token, { agent_id: victim, ...first, ...second })
    await api.heartbeat(token, { replaces_agent_id: victim })
    expect((await agents(api)).map((agent: { agent_id: string }) => agent.agent_id)).toContain(victim)
  })

  test('is selected by environment for a machine in two environments', async () => {
    const api = await startApi()
    for (const environment of ['a', 'b']) await api.heartbeat(await api.provision(environment))
    const ambiguous = await api.admin(`${AGENT_URL}/entities`)
    expect(ambiguous.statusCode).toBe(409)
    expect(ambiguous.json().detail).toContain('`a` (docker), `b` (docker)')
    expect((await api.admin(`${AGENT_URL}?environment=b`)).json()).toMatchObject({ environment: 'b' })
    expect((await api.admin(`${AGENT_URL}?environment=c`)).statusCode).toBe(404)
    expect((await api.admin(`/api/v1/agents/${id.toUpperCase()}?environment=b`)).statusCode).toBe(200)
  })
})

test('an agent shows the package of its connector, as its last heartbeat names it', async () => {
  const api = await startApi()
  const token = await api.provision()
  const shown = async () => {
    const [listed] = await agents(api)
    expect((await api.admin(AGENT_URL)).json()).toEqual(listed)
    return listed.connector
  }
  await api.heartbeat(token)
  expect(await shown()).toBeUndefined()
  for (const version of ['1.0.0', '1.1.0']) {
    const connector = { package: '@acme/rca-docker', version }
    await api.heartbeat(token, { connector })
    expect(await shown()).toEqual(connector)
  }
  // The connector was replaced by an agent of an earlier version.
  await api.heartbeat(token)
  expect(await shown()).toBeUndefined()
  const refused = await api.heartbeat(token, { connector: { package: 'rca-docker' } })
  expect([refused.statusCode, refused.json().errors[0].pointer]).toEqual([422, '#/connector/version'])
})

describe('version of an agent', () => {
  const versions = (listed: { agent_version?: string }[]) => listed.map(({ agent_version }) => agent_version)

  test.each([
    ['1.1.9', true],
    ['1.2.0-rc.1', true],
    ['1.2.0', false],
    ['1.10.0', false],
    ['1.2.0+build', false],
    ['main', undefined],
  ])('%s compared with the archives of 1.2.0', async (version, isBehind) => {
    const api = await startApi({ artifactsFolder: makeArtifacts('1.2.0').folder })
    const token = await api.provision()
    expect(Object.keys((await agents(api))[0])).not.toContain('latest_version')
    await api.heartbeat(token, { agent_version: version })
    const [listed] = await agents(api)
    expect([listed.agent_version, listed.latest_version, listed.is_behind]).toEqual([version, '1.2.0', isBehind])
    expect((await api.admin(AGENT_URL)).json()).toEqual(listed)
  })

  test('selects agents that are behind, or not', async () => {
    const api = await startApi({ artifactsFolder: makeArtifacts('1.2.0').folder })
    const token = await api.provision()
    await api.provision('pending')
    for (const version of ['1.1.0', '1.2.0', '1.0.0', 'main', '1.3.0'])
      await api.heartbeat(token, { agent_id: agentIdOf(version), agent_version: version })
    expect(versions(await agents(api, 'is_behind=true'))).toEqual(['1.1.0', '1.0.0'])
    expect(versions(await agents(api, 'is_behind=false'))).toEqual(['1.2.0', '1.3.0'])
    expect(versions(await api.list('/api/v1/agents?is_behind=true&limit=1'))).toEqual(['1.1.0', '1.0.0'])
    expect(await agents(api, 'is_behind=true&connectivity=offline')).toEqual([])
    expect((await api.admin('/api/v1/agents?is_behind=yes')).statusCode).toBe(422)
  })

  test('is compared with nothing on a platform without archives', async () => {
    const api = await startApi()
    await api.heartbeat(await api.provision())
    const [listed] = await agents(api)
    expect(Object.keys(listed)).toContain('agent_version')
    expect(Object.keys(listed).filter((name) => ['latest_version', 'is_behind'].includes(name))).toEqual([])
    const refused = await api.admin('/api/v1/agents?is_behind=true')
    expect([refused.statusCode, refused.json().detail]).toEqual([404, expect.stringContaining('`npm run artifacts`')])
  })
})

describe('lists', () => {
  test('return every agent and every pending placeholder once, over all pages', async () => {
    const api = await startApi()
    for (const environment of ['a', 'b', 'c']) {
      const token = await api.provision(environment)
      await api.provision(environment, 'server')
      if (environment !== 'b')
        for (const name of ['1', '2', '3']) await api.heartbeat(token, { agent_id: agentIdOf(name) })
    }
    expect((await api.admin('/api/v1/agents?limit=2')).json().agents).toHaveLength(2)
    const agents = await api.list<{ environment: string; agent_type: string; connectivity: string }>(
      '/api/v1/agents?limit=2',
    )
    const seen = agents.map((agent) => `${agent.environment} ${agent.agent_type} ${agent.connectivity}`)
    const expected = (name: string) => [...Array(3).fill(`${name} docker online`), `${name} server pending`]
    expect(seen).toEqual([...expected('a'), 'b docker pending', 'b server pending', ...expected('c')])
    const environments = (await api.admin('/api/v1/environments?limit=2')).json()
    expect(
      environments.environments.map((environment: { name: string; agents: number }) => [
        environment.name,
        environment.agents,
      ]),
    ).toEqual([
      ['a', 3],
      ['b', 0],
    ])
    expect(
      (await api.admin(`/api/v1/environments?cursor=${environments.next_cursor}`)).json().environments,
    ).toMatchObject([{ name: 'c' }])
  })

  test.each([
    '/api/v1/agents?cursor=x',
    '/api/v1/agents?cursor=WzFd',
    '/api/v1/events?cursor=WyJhIiwiYiJd',
    '/api/v1/agents?limit=0',
    '/api/v1/agents?limit=a',
    '/api/v1/agents?enviroment=a',
    '/api/v1/events?severity=bad',
    '/api/v1/events?from=yesterday',
    '/api/v1/environments/a%20b',
  ])('refuse %s and point at the parameter', async (url) => {
    const api = await startApi()
    const response = await api.admin(url)
    expect(response.statusCode).toBe(422)
    expect(response.json().errors[0].pointer).toMatch(/^#\/(?:query|path)\/\w+$/)
  })
})
