import { DatabaseSync } from 'node:sqlite'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import {
  AGENT_URL,
  at,
  containersOf,
  DAY,
  entityOf,
  eventOf,
  metricOf,
  reportOf,
  SECOND,
  START,
  startApi,
  type TestApi,
} from './kit.ts'

const [termA, termB] = [v7({ msecs: START }), v7({ msecs: START + SECOND })]

const a = { instance_id: 'pod-a', started_at: at(-60) }
const b = { instance_id: 'pod-b', started_at: at(0) }
const leaderA = { ...a, role: 'leader', lead_id: termA }
const leaderB = { ...b, role: 'leader', lead_id: termB }
const standby = { role: 'standby', collectors: { events: { ok: true } } }

async function heartbeat(api: TestApi, token: string, fields: Record<string, unknown>): Promise<void> {
  expect((await api.heartbeat(token, fields)).statusCode).toBe(200)
}

async function agentOf(api: TestApi) {
  const agent = (await api.admin(AGENT_URL)).json()
  expect((await api.admin('/api/v1/agents')).json().agents).toEqual([agent])
  return agent
}

const namesOf = (api: TestApi): Promise<string[]> => containersOf(api, AGENT_URL, ({ id, name }) => `${id} ${name}`)

describe('instances of an agent', () => {
  test('are listed, and only the leader’s heartbeats update the agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, { ...leaderA, collectors: { containers: { ok: true } } })
    api.clock.now += 5 * SECOND
    await heartbeat(api, token, {
      ...b,
      ...standby,
      agent_version: '2.0.0',
      connector: { package: '@acme/rca-docker', version: '2.1.0' },
      outbox: { reports: 3, bytes: 9, dropped: 0 },
    })
    expect(await agentOf(api)).toMatchObject({
      connectivity: 'online',
      agent_version: '1.0.0',
      started_at: a.started_at,
      last_seen_at: at(0),
      last_heartbeat_at: at(0),
      outbox: { reports: 0 },
      health: { status: 'healthy', collectors: { containers: { ok: true } } },
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
          last_heartbeat_at: at(5),
          agent_version: '2.0.0',
          connector: { package: '@acme/rca-docker', version: '2.1.0' },
          collectors: { events: { ok: true } },
        },
      ],
    })
  })

  test('have at most one leader; an agent with only standbys is offline', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, leaderA)
    api.clock.now += 120 * SECOND
    await heartbeat(api, token, { ...b, ...standby })
    expect(await agentOf(api)).toMatchObject({
      connectivity: 'offline',
      health: { status: 'unknown' },
      instances: [
        { instance_id: 'pod-a', role: 'leader', connectivity: 'offline' },
        { instance_id: 'pod-b', role: 'standby', connectivity: 'online' },
      ],
    })
    await heartbeat(api, token, leaderB)
    expect(await agentOf(api)).toMatchObject({
      connectivity: 'online',
      started_at: b.started_at,
      instances: [
        { instance_id: 'pod-b', role: 'leader', connectivity: 'online' },
        { instance_id: 'pod-a', role: 'standby', connectivity: 'offline' },
      ],
    })
  })

  test('create an offline agent while all of them are standbys', async () => {
    const api = await startApi()
    const token = await api.provision()
    const election = { election: { ok: false, error: 'the lease cannot be read' } }
    await heartbeat(api, token, { ...b, ...standby, agent_name: 'web-1', collectors: election })
    expect(await agentOf(api)).toMatchObject({
      connectivity: 'offline',
      name: 'web-1',
      health: { status: 'unknown', collectors: {} },
      instances: [{ instance_id: 'pod-b', role: 'standby', connectivity: 'online', collectors: election }],
    })
    expect((await api.admin('/api/v1/agents?connectivity=online')).json().agents).toEqual([])
    await api.send(token, reportOf({}, { lead_id: termB }))
    expect(await agentOf(api)).toMatchObject({ connectivity: 'online' })
  })

  test('are absent without an election', async () => {
    const api = await startApi()
    await heartbeat(api, await api.provision(), {})
    expect(await agentOf(api)).not.toHaveProperty('instances')
  })

  test('never overwrite the reports of the current leader with reports of an earlier one', async () => {
    const api = await startApi()
    const token = await api.provision()
    const gap = { scope: 'container:2', reason: 'permission denied', since: at(0) }
    await heartbeat(api, token, leaderA)
    await api.send(
      token,
      reportOf({ entities: [entityOf('1'), entityOf('2')] }, { lead_id: termA, snapshot: true, sequence: 700 }),
    )
    await heartbeat(api, token, leaderB)
    await api.send(
      token,
      reportOf(
        { entities: [entityOf('1', { name: 'new' }), entityOf('3')], gaps: [gap] },
        { lead_id: termB, snapshot: true },
      ),
    )
    const late = { lead_id: termA, sequence: 701, snapshot: true } as const
    const events = [eventOf({ id: 'late' })]
    const metrics = [metricOf(7)]
    await api.send(
      token,
      reportOf({ entities: [entityOf('1', { name: 'old' }), entityOf('4')], events, metrics }, late),
    )
    expect(await namesOf(api)).toEqual(['1 new', '-2', '3 3', '4 4'])
    expect((await agentOf(api)).health).toMatchObject({ status: 'degraded', gaps: [{ scope: 'container:2' }] })
    const stored = (await api.admin('/api/v1/events')).json().events
    expect(stored.map((event: { id: string }) => event.id)).toEqual(['late'])
    // The leader's next snapshot deletes an entity that only the earlier leader reported.
    await api.send(
      token,
      reportOf({ entities: [entityOf('1'), entityOf('3')] }, { lead_id: termB, snapshot: true, sequence: 1 }),
    )
    expect(await namesOf(api)).toEqual(['1 1', '-2', '3 3', '-4'])
  })

  test('may lead several terms', async () => {
    const api = await startApi()
    const token = await api.provision()
    const names: string[][] = []
    for (const [index, leader] of [
      leaderA,
      leaderB,
      { ...leaderA, lead_id: v7({ msecs: START + 2 * SECOND }) },
    ].entries()) {
      await heartbeat(api, token, leader)
      await api.send(
        token,
        reportOf({ entities: [entityOf('1', { name: String(index) })] }, { lead_id: leader.lead_id }),
      )
      names.push(await namesOf(api))
    }
    expect(names).toEqual([['1 0'], ['1 1'], ['1 2']])
  })

  test('are removed after an hour, or three of their intervals, without a heartbeat', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, leaderA)
    await heartbeat(api, token, { ...b, ...standby })
    await heartbeat(api, token, { instance_id: 'pod-rare', role: 'standby', interval_seconds: 7200 })
    api.clock.now += 3600 * SECOND
    await heartbeat(api, token, leaderB)
    await api.applyRetention()
    expect((await agentOf(api)).instances).toHaveLength(3)
    api.clock.now += 1
    await api.applyRetention()
    const names = async () =>
      (await agentOf(api)).instances.map((instance: { instance_id: string }) => instance.instance_id)
    expect(await names()).toEqual(['pod-b', 'pod-rare'])
    api.clock.now += 6 * 3600 * SECOND
    await api.applyRetention()
    expect(await agentOf(api)).not.toHaveProperty('instances')
    api.clock.now += 8 * DAY
    await api.applyRetention()
    expect((await api.admin('/api/v1/agents?connectivity=offline')).json().agents).toEqual([])
  })

  test('are limited to the 50 most recent per agent', async () => {
    const api = await startApi()
    const token = await api.provision()
    for (let count = 0; count < 55; count += 1) {
      api.clock.now += 1
      await heartbeat(api, token, { instance_id: `pod-${count}`, role: 'standby' })
    }
    const { instances } = await agentOf(api)
    expect(instances).toHaveLength(50)
    expect(instances.map((instance: { instance_id: string }) => instance.instance_id)).not.toContain('pod-4')
  })

  test('are limited to 100 leader terms per agent, and late reports of removed terms are old', async () => {
    const api = await startApi()
    const token = await api.provision()
    const terms = Array.from({ length: 150 }, (_, index) => v7({ msecs: START + index }))
    for (const term of terms) {
      api.clock.now += 1
      await heartbeat(api, token, { ...leaderA, lead_id: term })
    }
    await api.send(token, reportOf({ entities: [entityOf('1', { name: 'new' })] }, { lead_id: terms.at(-1) ?? '' }))
    await api.send(token, reportOf({ entities: [entityOf('1', { name: 'old' })] }, { lead_id: terms[0] ?? '' }))
    expect(await namesOf(api)).toEqual(['1 new'])
    const database = new DatabaseSync(api.databasePath, { readOnly: true })
    expect(database.prepare('select count(*) as count from agent_leads').get()).toEqual({ count: 101 })
    database.close()
  })

  test('keep an agent with only standbys from being removed', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeat(api, token, leaderA)
    for (let day = 0; day < 40; day += 1) {
      api.clock.now += DAY
      await heartbeat(api, token, { ...b, ...standby })
      await api.applyRetention()
      await heartbeat(api, token, { ...b, ...standby })
      expect((await agentOf(api)).instances).toMatchObject([{ instance_id: 'pod-b', connectivity: 'online' }])
    }
  })

  test.each([
    ['half a surrogate pair in the name', { instance_id: '\ud800', role: 'standby' }],
    ['an empty name', { instance_id: '', role: 'standby' }],
    ['a name that is too long', { instance_id: 'x'.repeat(257), role: 'standby' }],
    ['an unknown role', { instance_id: 'pod-a', role: 'boss' }],
    ['a term that is not a UUID', { ...leaderA, lead_id: '7' }],
  ])('are refused with %s', async (_what, rest) => {
    const api = await startApi()
    const token = await api.provision()
    expect((await api.heartbeat(token, rest)).statusCode).toBe(422)
  })
})
