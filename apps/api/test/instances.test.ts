import { DatabaseSync } from 'node:sqlite'
import { v7 } from 'uuid'
import { expect, it } from 'vitest'
import {
  agentIdOf,
  entityOf,
  eventOf,
  heartbeatOf,
  metricOf,
  reportOf,
  START,
  startApi,
  type TestApi,
} from './start-api.ts'

const id = agentIdOf('first')
const SECOND = 1000
const DAY = 86_400_000
const [leadA, leadB] = [v7({ msecs: START }), v7({ msecs: START + SECOND })]

const a = { instance_id: 'pod-a', started_at: new Date(START - 60_000).toISOString() }
const b = { instance_id: 'pod-b', started_at: new Date(START).toISOString() }
const leadsA = { ...a, role: 'leader', lead_id: leadA }
const leadsB = { ...b, role: 'leader', lead_id: leadB }
const standby = { role: 'standby', collectors: { embers: { ok: true } } }

async function beat(api: TestApi, token: string, rest: Record<string, unknown>): Promise<void> {
  const request = { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeatOf(rest) } as const
  expect((await api.agent(token, request)).statusCode).toBe(200)
}

async function agentOf(api: TestApi) {
  const agent = (await api.admin(`/api/v1/agents/${id}`)).json()
  expect((await api.admin('/api/v1/agents')).json().agents).toEqual([agent])
  return agent
}

/** `hearth` entities, or `-id` for one that is gone. */
async function hearths(api: TestApi): Promise<string[]> {
  const { entities } = (await api.admin(`/api/v1/agents/${id}/entities?include_deleted=true`)).json()
  return entities.map((entity: { id: string; name: string; deleted_at?: string }) =>
    entity.deleted_at === undefined ? `${entity.id} ${entity.name}` : `-${entity.id}`,
  )
}

it('lists the instances of an agent, and lets only the leader speak for it', async () => {
  const api = await startApi()
  const token = await api.provision()
  await beat(api, token, { ...leadsA, collectors: { heat: { ok: true } } })
  api.clock.now += 5 * SECOND
  await beat(api, token, { ...b, ...standby, agent_version: '2.0.0', outbox: { reports: 3, bytes: 9, dropped: 0 } })
  expect(await agentOf(api)).toMatchObject({
    connectivity: 'online',
    agent_version: '1.0.0',
    started_at: a.started_at,
    last_seen_at: new Date(START).toISOString(),
    last_heartbeat_at: new Date(START).toISOString(),
    outbox: { reports: 0 },
    health: { status: 'healthy', collectors: { heat: { ok: true } } },
    instances: [
      {
        instance_id: 'pod-a',
        role: 'leader',
        connectivity: 'online',
        started_at: a.started_at,
        agent_version: '1.0.0',
      },
      {
        instance_id: 'pod-b',
        role: 'standby',
        connectivity: 'online',
        started_at: b.started_at,
        last_heartbeat_at: new Date(START + 5 * SECOND).toISOString(),
        agent_version: '2.0.0',
        collectors: { embers: { ok: true } },
      },
    ],
  })
})

it('shows one leader at most, and no agent as online of which only standbys are left', async () => {
  const api = await startApi()
  const token = await api.provision()
  await beat(api, token, leadsA)
  api.clock.now += 120 * SECOND
  await beat(api, token, { ...b, ...standby })
  expect(await agentOf(api)).toMatchObject({
    connectivity: 'offline',
    health: { status: 'unknown' },
    instances: [
      { instance_id: 'pod-a', role: 'leader', connectivity: 'offline' },
      { instance_id: 'pod-b', role: 'standby', connectivity: 'online' },
    ],
  })
  await beat(api, token, leadsB)
  expect(await agentOf(api)).toMatchObject({
    connectivity: 'online',
    started_at: b.started_at,
    instances: [
      { instance_id: 'pod-b', role: 'leader', connectivity: 'online' },
      { instance_id: 'pod-a', role: 'standby', connectivity: 'offline' },
    ],
  })
})

it('knows of an agent whose instances all stand by, and that nobody speaks for it', async () => {
  const api = await startApi()
  const token = await api.provision()
  const election = { election: { ok: false, error: 'the lease cannot be read' } }
  await beat(api, token, { ...b, ...standby, agent_name: 'north', collectors: election })
  expect(await agentOf(api)).toMatchObject({
    connectivity: 'offline',
    name: 'north',
    health: { status: 'unknown', collectors: {} },
    instances: [{ instance_id: 'pod-b', role: 'standby', connectivity: 'online', collectors: election }],
  })
  expect((await api.admin('/api/v1/agents?connectivity=online')).json().agents).toEqual([])
  await api.send(token, reportOf({}, { lead_id: leadB }))
  expect(await agentOf(api)).toMatchObject({ connectivity: 'online' })
})

it('has no instances where there is no election', async () => {
  const api = await startApi()
  await beat(api, await api.provision(), {})
  expect(await agentOf(api)).not.toHaveProperty('instances')
})

it('does not let what an earlier leader said replace what the present one says', async () => {
  const api = await startApi()
  const token = await api.provision()
  const gap = { scope: 'hearth:2', reason: 'no door', since: new Date(START).toISOString() }
  await beat(api, token, leadsA)
  await api.send(
    token,
    reportOf({ entities: [entityOf('1'), entityOf('2')] }, { lead_id: leadA, snapshot: true, sequence: 700 }),
  )
  await beat(api, token, leadsB)
  await api.send(
    token,
    reportOf(
      { entities: [entityOf('1', { name: 'new' }), entityOf('3')], gaps: [gap] },
      { lead_id: leadB, snapshot: true },
    ),
  )
  const late = { lead_id: leadA, sequence: 701, snapshot: true } as const
  const events = [eventOf({ id: 'told late' })]
  const metrics = [metricOf(7)]
  await api.send(token, reportOf({ entities: [entityOf('1', { name: 'old' }), entityOf('4')], events, metrics }, late))
  expect(await hearths(api)).toEqual(['1 new', '-2', '3 3', '4 4'])
  expect((await agentOf(api)).health).toMatchObject({ status: 'degraded', gaps: [{ scope: 'hearth:2' }] })
  const told = (await api.admin('/api/v1/events')).json().events
  expect(told.map((event: { id: string }) => event.id)).toEqual(['told late'])
  // The next full list of the leader is without what only the other believed in.
  await api.send(
    token,
    reportOf({ entities: [entityOf('1'), entityOf('3')] }, { lead_id: leadB, snapshot: true, sequence: 1 }),
  )
  expect(await hearths(api)).toEqual(['1 1', '-2', '3 3', '-4'])
})

it('lets an instance lead again', async () => {
  const api = await startApi()
  const token = await api.provision()
  const names: string[][] = []
  for (const [index, leads] of [leadsA, leadsB, { ...leadsA, lead_id: v7({ msecs: START + 2 * SECOND }) }].entries()) {
    await beat(api, token, leads)
    await api.send(token, reportOf({ entities: [entityOf('1', { name: String(index) })] }, { lead_id: leads.lead_id }))
    names.push(await hearths(api))
  }
  expect(names).toEqual([['1 0'], ['1 1'], ['1 2']])
})

it('forgets instances that are silent for an hour, or three of their intervals', async () => {
  const api = await startApi()
  const token = await api.provision()
  await beat(api, token, leadsA)
  await beat(api, token, { ...b, ...standby })
  await beat(api, token, { instance_id: 'rare', role: 'standby', interval_seconds: 7200 })
  api.clock.now += 3600 * SECOND
  await beat(api, token, leadsB)
  await api.applyRetention()
  expect((await agentOf(api)).instances).toHaveLength(3)
  api.clock.now += 1
  await api.applyRetention()
  const names = async () =>
    (await agentOf(api)).instances.map((instance: { instance_id: string }) => instance.instance_id)
  expect(await names()).toEqual(['pod-b', 'rare'])
  api.clock.now += 6 * 3600 * SECOND
  await api.applyRetention()
  expect(await agentOf(api)).not.toHaveProperty('instances')
  api.clock.now += 8 * DAY
  await api.applyRetention()
  expect((await api.admin('/api/v1/agents?connectivity=offline')).json().agents).toEqual([])
})

it('keeps only so many instances of one agent', async () => {
  const api = await startApi()
  const token = await api.provision()
  for (let count = 0; count < 55; count += 1) {
    api.clock.now += 1
    await beat(api, token, { instance_id: `pod-${count}`, role: 'standby' })
  }
  const { instances } = await agentOf(api)
  expect(instances).toHaveLength(50)
  expect(instances.map((instance: { instance_id: string }) => instance.instance_id)).not.toContain('pod-4')
})

it('keeps only so many leads of one agent, and places what arrives of others', async () => {
  const api = await startApi()
  const token = await api.provision()
  const leads = Array.from({ length: 150 }, (_, index) => v7({ msecs: START + index }))
  for (const lead of leads) {
    api.clock.now += 1
    await beat(api, token, { ...leadsA, lead_id: lead })
  }
  await api.send(token, reportOf({ entities: [entityOf('1', { name: 'new' })] }, { lead_id: leads.at(-1) ?? '' }))
  await api.send(token, reportOf({ entities: [entityOf('1', { name: 'old' })] }, { lead_id: leads[0] ?? '' }))
  expect(await hearths(api)).toEqual(['1 new'])
  const database = new DatabaseSync(api.databasePath, { readOnly: true })
  expect(database.prepare('select count(*) as count from agent_leads').get()).toEqual({ count: 101 })
  database.close()
})

it('keeps an agent of which only standbys are heard, with what they say', async () => {
  const api = await startApi()
  const token = await api.provision()
  await beat(api, token, leadsA)
  for (let day = 0; day < 40; day += 1) {
    api.clock.now += DAY
    await beat(api, token, { ...b, ...standby })
    await api.applyRetention()
    await beat(api, token, { ...b, ...standby })
    expect((await agentOf(api)).instances).toMatchObject([{ instance_id: 'pod-b', connectivity: 'online' }])
  }
})

it.each([
  ['half a character in its name', { instance_id: '\ud800', role: 'standby' }],
  ['no name', { instance_id: '', role: 'standby' }],
  ['a name without an end', { instance_id: 'x'.repeat(257), role: 'standby' }],
  ['a role of its own', { instance_id: 'pod-a', role: 'boss' }],
  ['a lead that is no UUID', { ...leadsA, lead_id: '7' }],
])('refuses an instance with %s', async (_what, rest) => {
  const api = await startApi()
  const token = await api.provision()
  const request = { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeatOf(rest) } as const
  expect((await api.agent(token, request)).statusCode).toBe(422)
})
