import { DatabaseSync } from 'node:sqlite'
import { heartbeatRequestSchema } from '@rca/core/protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RemovedSenderError } from '../src/store/ingest/removed-sender.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Credential } from '../src/store/records.ts'
import type { Store } from '../src/store/store.ts'
import {
  AGENT_URL,
  agentIdOf,
  at,
  DAY,
  entityOf,
  eventOf,
  heartbeatOf,
  metricOf,
  reportOf,
  START,
  startApi,
  type TestApi,
} from './kit.ts'

const ENVIRONMENT_URL = '/api/v1/environments/prod-cluster-1'
const TABLES = [
  ...['points', 'point_blocks', 'series', 'events', 'entities', 'relations', 'gaps', 'reports', 'agents'],
  ...['removed_agents', 'agent_keys', 'token_agents', 'tokens', 'provisions', 'environments'],
]

/** Returns the number of rows of each table that has some. */
function rowsOf(api: TestApi): Record<string, unknown> {
  const database = new DatabaseSync(api.databasePath, { readOnly: true })
  const counts = TABLES.map(
    (table) => [table, database.prepare(`select count(*) as n from ${table}`).get()?.n] as const,
  )
  database.close()
  return Object.fromEntries(counts.filter(([, count]) => count !== 0))
}

const data = () => ({
  entities: [entityOf('c1', { relations: [{ type: 'part_of' as const, target: { type: 'host', id: 'h' } }] })],
  metrics: [metricOf(1)],
  events: [eventOf()],
  gaps: [{ scope: 's', reason: 'r', since: at(0) }],
})

describe('the removal of an agent', () => {
  test('hides its data at once, deletes it with the next retention, and no other agent’s', async () => {
    const api = await startApi()
    const token = await api.provision()
    const key = (await api.enroll(token)).json().agent_key
    const second = agentIdOf('second')
    await api.heartbeat(key)
    await api.send(key, reportOf(data()))
    await api.send(token, reportOf(data(), { agent_id: second }))
    const manager = await api.createToken(['manage'], ['prod-cluster-1'])
    const removed = await api.agent(manager, { method: 'DELETE', url: AGENT_URL })
    expect([removed.statusCode, removed.json()]).toEqual([
      200,
      { agent_id: agentIdOf('first'), environment: 'prod-cluster-1', agent_type: 'docker', removed_at: at(0) },
    ])
    const series = async () => (await api.admin(`/api/v1/metrics?name=container.memory.usage&from=${at(-9)}`)).json()
    const isHidden = async () => {
      expect((await api.admin(AGENT_URL)).statusCode).toBe(404)
      expect((await api.list<{ agent_id: string }>('/api/v1/agents')).map(({ agent_id }) => agent_id)).toEqual([second])
      expect(await api.list('/api/v1/events')).toHaveLength(1)
      expect((await series()).series).toHaveLength(1)
    }
    await isHidden()
    await api.applyRetention()
    await isHidden()
    expect(rowsOf(api)).toEqual({
      ...{ points: 1, series: 1, events: 1, entities: 1, relations: 1, gaps: 1, reports: 1, agents: 1 },
      ...{ token_agents: 1, tokens: 1, provisions: 1, environments: 1 },
    })
    expect(await api.list('/api/v1/audit?action=removeAgent')).toMatchObject([
      { outcome: 'done', actor: 'access_token', agent_id: agentIdOf('first'), environment: 'prod-cluster-1' },
    ])
    expect((await api.agent(manager, { method: 'DELETE', url: AGENT_URL })).statusCode).toBe(404)
  })

  test('refuses it when it goes on reporting, until it gets a later token, and is then a new agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    const key = (await api.enroll(token)).json().agent_key
    await api.send(key, reportOf(data()))
    await api.admin({ method: 'DELETE', url: AGENT_URL })
    for (const credential of [key, token])
      for (const response of [
        await api.send(credential, reportOf(data())),
        await api.heartbeat(credential),
        await api.enroll(credential),
      ])
        expect(response.statusCode).toBe(401)
    expect((await api.heartbeat(token, { agent_id: agentIdOf('second') })).statusCode).toBe(200)
    api.clock.now += 1
    const later = await api.provision()
    expect((await api.send(later, reportOf({ metrics: [metricOf(2)] }))).statusCode).toBe(202)
    await api.applyRetention()
    expect(await api.list(`${AGENT_URL}/metrics`)).toMatchObject([{ last: { value: 2 } }])
    expect(await api.list(`${AGENT_URL}/gaps`)).toEqual([])
  })

  test('needs the scope `manage`, the environment of the token, and one agent', async () => {
    const api = await startApi()
    for (const environment of ['a', 'b']) await api.heartbeat(await api.provision(environment))
    const remove = async (token: string, url: string) => (await api.agent(token, { method: 'DELETE', url })).statusCode
    const provisioner = await api.createToken(['provision', 'read'])
    const manager = await api.createToken(['manage'], ['a'])
    expect(await remove(provisioner, `${AGENT_URL}?environment=a`)).toBe(403)
    expect(await remove(manager, `${AGENT_URL}?environment=b`)).toBe(403)
    for (const environment of ['a', 'b'])
      expect(await remove(provisioner, `/api/v1/environments/${environment}`)).toBe(403)
    expect(await remove(manager, '/api/v1/environments/b')).toBe(403)
    expect((await api.admin({ method: 'DELETE', url: AGENT_URL })).statusCode).toBe(409)
    expect(await remove(manager, AGENT_URL)).toBe(200)
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({ environment: 'b' })
  })
})

describe('a removal between the admission of a request and its storage', () => {
  test('leaves nothing of agents that report meanwhile', async () => {
    const api = await startApi({ maxConcurrentRequests: 1000 })
    const token = await api.provision()
    const names = Array.from({ length: 20 }, (_, index) => `agent ${index}`)
    const responses = names.map(async (name) => {
      const agent_id = agentIdOf(name)
      const key = (await api.enroll(token, { agent_id })).json().agent_key
      const requests = () => [api.send(key, reportOf(data(), { agent_id })), api.heartbeat(key, { agent_id })]
      const removal = () => api.admin({ method: 'DELETE', url: `/api/v1/agents/${agent_id}` })
      return Promise.all([...requests(), removal(), ...requests()])
    })
    for (const { statusCode } of (await Promise.all(responses)).flat()) expect([200, 202, 401]).toContain(statusCode)
    expect(await api.list('/api/v1/agents?connectivity=online')).toEqual([])
    await api.applyRetention()
    expect(rowsOf(api)).toEqual({ tokens: 1, provisions: 1, environments: 1 })
  })

  const agent = { environment: 'e', agent_type: 'docker', agent_id: agentIdOf('first') }
  const removals: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
    ['an agent', ({ removals }) => removals.removeAgent(agent, START + 1)],
    [
      'an environment that is provisioned again',
      async (store) => {
        await store.removals.removeEnvironment('e', START + 1)
        await store.access.provision(newToken('later', START + 2), noSettings)
      },
    ],
  ]
  const noSettings = { config: {}, withheld: [], limits: { ttlMs: null, uses: null } }
  const newToken = (hash: string, created_at: number) => ({
    ...{ environment: 'e', agent_type: 'docker', hash, created_at },
    ...{ joinable_until: null, max_agents: null },
  })

  test.each(removals.flatMap(([name, remove]) => (['token', 'key'] as const).map((kind) => ({ name, kind, remove }))))(
    'of $name with a $kind refuses it',
    async ({ kind, remove }) => {
      const store = await openStore('sqlite::memory:')
      onTestFinished(store.close)
      await store.access.provision(newToken('token', START), noSettings)
      const token = await store.access.findToken('token')
      if (token === undefined) throw new Error('no token')
      const { agent_id } = agent
      await store.enrolment.enroll(token, agent_id, { hash: 'key', created_at: START, expires_at: START + DAY })
      const key = await store.enrolment.findKey('key')
      if (key === undefined) throw new Error('no key')
      const sender: Credential = kind === 'key' ? { kind, ...key } : { kind, ...token }
      await store.signals.write(sender, [reportOf()], START)
      await remove(store)
      await expect(store.signals.write(sender, [reportOf()], START + 3)).rejects.toThrow(RemovedSenderError)
      const heartbeat = heartbeatRequestSchema.parse(heartbeatOf())
      await expect(store.agents.heartbeat(sender, heartbeat, 30, START + 3)).rejects.toThrow(RemovedSenderError)
      expect(await store.agents.find(agent_id, {})).toEqual([])
    },
  )
})

describe('the removal of an environment', () => {
  test('removes its tokens, keys, agents and data, and no other environment’s', async () => {
    const api = await startApi()
    const token = await api.provision()
    const other = await api.provision('other')
    const key = (await api.enroll(token)).json().agent_key
    await api.send(key, reportOf(data()))
    const database = new DatabaseSync(api.databasePath)
    database.exec(`with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 501)
      insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at)
      select 'prod-cluster-1', 'docker', 'agent ' || n, '1', 0, 0 from numbers`)
    database.close()
    await api.send(other, reportOf(data()))
    const removed = await api.admin({ method: 'DELETE', url: ENVIRONMENT_URL })
    expect(removed.json()).toEqual({ name: 'prod-cluster-1', removed_at: at(0), agents: 502, revoked_tokens: 1 })
    expect((await api.admin(ENVIRONMENT_URL)).statusCode).toBe(404)
    for (const credential of [key, token]) expect((await api.heartbeat(credential)).statusCode).toBe(401)
    await api.applyRetention()
    expect(rowsOf(api)).toEqual({
      ...{ points: 1, series: 1, events: 1, entities: 1, relations: 1, gaps: 1, reports: 1, agents: 1 },
      ...{ token_agents: 1, tokens: 1, provisions: 1, environments: 1 },
    })
    expect(await api.list('/api/v1/audit?action=removeEnvironment')).toMatchObject([{ environment: 'prod-cluster-1' }])
    const again = await api.admin({ method: 'DELETE', url: ENVIRONMENT_URL })
    expect(again.json().detail).toMatch(/^The environment `prod-cluster-1` does not exist/)
    expect((await api.heartbeat(await api.provision())).statusCode).toBe(200)
    expect((await api.admin(ENVIRONMENT_URL)).json()).toMatchObject({ agents: 1, tokens: [{}] })
  })
})
