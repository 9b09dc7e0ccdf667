import { describe, expect, it } from 'vitest'
import { agentIdOf, heartbeatOf, reportOf, START, startApi, type TestApi } from './start-api.ts'

const id = agentIdOf('first')
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
const beat = (api: TestApi, token: string, rest: object = {}) =>
  api.agent(token, { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeatOf({ ...rest }) })
const agents = async (api: TestApi, query = '') => (await api.admin(`/api/v1/agents?${query}`)).json().agents

describe('connectivity', () => {
  it('is pending from provisioning to the first call, then online, then offline after three intervals', async () => {
    const api = await startApi()
    const token = await api.provision()
    const pending = {
      agent_id: null,
      environment: 'prod-cluster-1',
      agent_type: 'kiln',
      connectivity: 'pending',
      health: { status: 'unknown', collectors: {}, gaps: [] },
      provisioned_at: at(0),
    }
    expect(await agents(api)).toEqual([pending])

    const answer = await beat(api, token, { agent_name: 'north' })
    expect([answer.statusCode, answer.json()]).toEqual([200, { interval_seconds: 30, server_time: at(0) }])
    expect(await agents(api)).toMatchObject([
      { agent_id: id, connectivity: 'online', name: 'north', health: { status: 'healthy' } },
    ])
    api.clock.now = START + 90_000
    expect(await agents(api, 'connectivity=online')).toHaveLength(1)
    api.clock.now += 1
    expect(await agents(api, 'connectivity=online')).toHaveLength(0)
    expect(await agents(api, 'connectivity=offline')).toMatchObject([
      {
        connectivity: 'offline',
        last_seen_at: at(0),
        health: { status: 'unknown', collectors: { heat: { ok: true } } },
      },
    ])
    await api.send(token, reportOf({}, { timestamp: at(91) }))
    expect(await agents(api)).toMatchObject([{ connectivity: 'online', last_report_at: at(91) }])
  })

  it('follows the interval that the agent has chosen', async () => {
    const api = await startApi()
    const token = await api.provision()
    expect((await beat(api, token, { interval_seconds: 2.5 })).json().interval_seconds).toBe(2.5)
    api.clock.now += 7_501
    expect(await agents(api, 'connectivity=offline')).toMatchObject([
      { heartbeat_interval_seconds: 2.5, connectivity: 'offline' },
    ])
    expect((await api.admin(`/api/v1/agents/${id}`)).json().connectivity).toBe('offline')
  })

  it('is not pending for a type that can no longer call', async () => {
    const api = await startApi()
    await api.provision()
    await api.admin({ method: 'POST', url: '/api/v1/environments/prod-cluster-1/token/revoke' })
    expect(await agents(api)).toEqual([])
  })
})

describe('health', () => {
  it('is degraded by a collector that fails, and by a gap that is open', async () => {
    const api = await startApi()
    const token = await api.provision()
    const failed = {
      heat: { ok: true, duration_ms: 3 },
      smoke: { ok: false, duration_ms: 10_000, error: 'it did not finish within 10 s' },
    }
    await beat(api, token, { collectors: failed })
    expect(await agents(api)).toMatchObject([{ health: { status: 'degraded', collectors: failed } }])
    await beat(api, token)
    expect(await agents(api)).toMatchObject([{ health: { status: 'healthy' } }])
    const gap = { scope: 'hearth:2', reason: 'no door', since: at(0) }
    await api.send(token, reportOf({ gaps: [gap] }))
    expect(await agents(api)).toMatchObject([{ health: { status: 'degraded', gaps: [{ ...gap, open: true }] } }])
  })
})

describe('a collector’s status', () => {
  it('needs no duration: watchers and `connect` have none', async () => {
    const api = await startApi()
    const token = await api.provision()
    const collectors = { embers: { ok: true }, connect: { ok: false, error: 'the door is locked' } }
    expect((await beat(api, token, { collectors })).statusCode).toBe(200)
    const [listed] = await agents(api)
    expect(listed.health).toMatchObject({ status: 'degraded', collectors })
    expect(listed.health.collectors.embers).toEqual({ ok: true })
    expect((await api.admin(`/api/v1/agents/${id}`)).json()).toEqual(listed)
  })
})

describe('identity', () => {
  it('removes a provisional agent once the real one is known, unless it has delivered', async () => {
    const api = await startApi()
    const [token, elsewhere] = [await api.provision('a'), await api.provision('b')]
    const provisional = agentIdOf('provisional')
    const waiting = { agent_id: provisional, collectors: { connect: { ok: false, error: 'the door is locked' } } }
    await beat(api, elsewhere, waiting)
    await beat(api, token, waiting)
    await beat(api, token, { replaces_agent_id: provisional })
    expect((await agents(api, 'environment=a')).map((agent: { agent_id: string }) => agent.agent_id)).toEqual([id])
    expect(await agents(api, 'environment=b')).toHaveLength(1)
    await beat(api, token, waiting)
    await api.send(token, reportOf({}, { agent_id: provisional }))
    await beat(api, token, { replaces_agent_id: provisional })
    expect(await agents(api, 'environment=a')).toHaveLength(2)
    await beat(api, token, { replaces_agent_id: id })
    expect(await agents(api, 'environment=a')).toHaveLength(2)
  })

  it.each([
    ['has a collector', {}, {}],
    ['has a name', { agent_name: 'north', collectors: {} }, {}],
    ['had a collector before', {}, { collectors: { connect: { ok: false } } }],
  ])('of an agent that %s cannot be removed by another', async (_name, first, second) => {
    const api = await startApi()
    const token = await api.provision()
    const victim = agentIdOf('victim')
    await beat(api, token, { agent_id: victim, ...first })
    await beat(api, token, { agent_id: victim, ...first, ...second })
    await beat(api, token, { replaces_agent_id: victim })
    expect((await agents(api)).map((agent: { agent_id: string }) => agent.agent_id)).toContain(victim)
  })

  it('of one machine in two environments is told apart by the environment', async () => {
    const api = await startApi()
    for (const environment of ['a', 'b']) await beat(api, await api.provision(environment))
    const ambiguous = await api.admin(`/api/v1/agents/${id}/entities`)
    expect(ambiguous.statusCode).toBe(409)
    expect(ambiguous.json().detail).toContain('`a` (kiln), `b` (kiln)')
    expect((await api.admin(`/api/v1/agents/${id}?environment=b`)).json()).toMatchObject({ environment: 'b' })
    expect((await api.admin(`/api/v1/agents/${id}?environment=c`)).statusCode).toBe(404)
    expect((await api.admin(`/api/v1/agents/${id.toUpperCase()}?environment=b`)).statusCode).toBe(200)
  })
})

describe('lists', () => {
  it('page through agents and pending places, each once', async () => {
    const api = await startApi()
    for (const environment of ['a', 'b', 'c']) {
      const token = await api.provision(environment)
      await api.provision(environment, 'oven')
      if (environment !== 'b') for (const name of ['1', '2', '3']) await beat(api, token, { agent_id: agentIdOf(name) })
    }
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: {
        agents: { environment: string; agent_type: string; connectivity: string }[]
        next_cursor: string | null
      } = (await api.admin(`/api/v1/agents?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)).json()
      expect(page.agents.length).toBeLessThanOrEqual(2)
      seen.push(...page.agents.map((agent) => `${agent.environment} ${agent.agent_type} ${agent.connectivity}`))
      cursor = page.next_cursor
    }
    const watched = (name: string) => [...Array(3).fill(`${name} kiln online`), `${name} oven pending`]
    expect(seen).toEqual([...watched('a'), 'b kiln pending', 'b oven pending', ...watched('c')])
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

  it.each([
    '/api/v1/agents?cursor=x',
    '/api/v1/agents?cursor=WzFd',
    '/api/v1/events?cursor=WyJhIiwiYiJd',
    '/api/v1/agents?limit=0',
    '/api/v1/agents?limit=a',
    '/api/v1/agents?enviroment=a',
    '/api/v1/events?severity=bad',
    '/api/v1/events?from=yesterday',
    '/api/v1/environments/a%20b',
  ])('refuse %s with a pointer', async (url) => {
    const api = await startApi()
    const response = await api.admin(url)
    expect(response.statusCode).toBe(422)
    expect(response.json().errors[0].pointer).toMatch(/^#\/(?:query|path)\/\w+$/)
  })
})
