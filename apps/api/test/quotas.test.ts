import { DatabaseSync } from 'node:sqlite'
import type { Report } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import {
  AGENT_URL,
  agentIdOf,
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

/** Creates a function that sends the next report of an agent. */
function senderOf(api: TestApi, token: string, agent = 'first') {
  let sequence = 0
  return async (data: Partial<Report['data']>, rest: Partial<Report> = {}): Promise<void> => {
    api.clock.now += SECOND
    const fields = { agent_id: agentIdOf(agent), sequence, timestamp: new Date(api.clock.now).toISOString(), ...rest }
    sequence += 1
    expect((await api.send(token, reportOf(data, fields))).statusCode).toBe(202)
  }
}

/** Points of series that differ in an attribute. */
const points = (from: number, count: number, name = 'container.memory.usage') =>
  Array.from({ length: count }, (_, index) => metricOf(1, { name, attributes: { user: from + index } }))

const gapOf = async (api: TestApi, scope: string, url = AGENT_URL) =>
  (await api.list<{ scope: string; open: boolean; reason: string; since: string }>(`${url}/gaps`)).find(
    (gap) => gap.scope === scope,
  )

const droppedOf = async (api: TestApi) =>
  Object.fromEntries(
    [...(await api.admin('/metrics')).body.matchAll(/^rca_api_signals_dropped_total\{(.+)\} (\d+)$/gm)].map(
      ([, labels, count]) => [labels?.replaceAll(/signal=|limit=|"/g, ''), Number(count)],
    ),
  )

const seriesOf = (api: TestApi, url = AGENT_URL) => api.list(`${url}/metrics`)

describe('the limit of series', () => {
  test('drops points of further ones, and counts them in a gap that names the metric', async () => {
    const api = await startApi({ maxSeriesPerAgent: 4, retention: '1d' })
    const token = await api.provision()
    const send = senderOf(api, token)
    const other = senderOf(api, token, 'second')
    await send({ metrics: points(0, 3) })
    expect(await gapOf(api, 'limit:points')).toBeUndefined()
    await send({ metrics: [...points(0, 2), ...points(10, 2, 'http.requests')] })
    await send({ metrics: [...points(0, 4), ...points(10, 5, 'http.requests')] })
    await other({ metrics: points(0, 3) })
    expect(await seriesOf(api)).toHaveLength(4)
    expect(await seriesOf(api, `/api/v1/agents/${agentIdOf('second')}`)).toHaveLength(3)
    const gap = await gapOf(api, 'limit:points')
    expect(gap).toMatchObject({ open: true, since: at(2) })
    expect(gap?.reason).toMatch(
      /^The agent has too many series \(at most 4\): 5 points of the last delivery were dropped, of `http\.requests` \(4\), `container\.memory\.usage` \(1\)\. .*`RCA_MAX_SERIES_PER_AGENT`/,
    )
    expect(await droppedOf(api)).toEqual({ 'points,agent': 6 })
    await send({ metrics: points(0, 3) })
    expect(await gapOf(api, 'limit:points')).toMatchObject({ open: false })
    // Series without points make room.
    api.clock.now = START + 2 * DAY
    await send({ metrics: points(0, 1) })
    await api.applyRetention()
    await send({ metrics: points(20, 4) })
    expect(await seriesOf(api)).toHaveLength(4)
    expect(await gapOf(api, 'limit:points')).toMatchObject({ open: true, reason: expect.stringContaining('1 points') })
  })

  test('is twenty times as high for an environment, and another environment is not affected', async () => {
    const api = await startApi({ maxSeriesPerAgent: 1 })
    const token = await api.provision()
    const reports = Array.from({ length: 22 }, (_, index) =>
      reportOf({ metrics: points(0, 1) }, { agent_id: agentIdOf(`agent ${index}`) }),
    )
    await api.send(token, ...reports)
    await senderOf(api, await api.provision('other'))({ metrics: points(0, 1) })
    expect(await droppedOf(api)).toEqual({ 'points,environment': 2 })
    const gap = await gapOf(api, 'limit:points', `/api/v1/agents/${agentIdOf('agent 21')}`)
    expect(gap?.reason).toMatch(/^The environment has too many series \(at most 20\)/)
    expect(await seriesOf(api)).toHaveLength(1)
  })
})

/** Compares the counted entities and bytes of the agent with the stored ones. */
function expectExactUsage(api: TestApi): void {
  const database = new DatabaseSync(api.databasePath, { readOnly: true })
  const counted = database.prepare('select entity_count as entities, entity_bytes as bytes from agents').get()
  const stored = 'count(*) as entities, sum(length(name || attributes || relations)) as bytes'
  expect(counted).toEqual(database.prepare(`select ${stored} from entities`).get())
  database.close()
}

describe('the limits of entities', () => {
  test('drop further ones by number and by size, and keep those that exist', async () => {
    const api = await startApi({ maxEntitiesPerAgent: 3, maxStateBytesPerAgent: 3000, retention: '1d' })
    const send = senderOf(api, await api.provision())
    await send({ entities: ['a', 'b', 'c', 'd', 'e'].map((id) => entityOf(id)) }, { snapshot: true })
    expect(await containersOf(api)).toEqual(['a', 'b', 'c'])
    const gap = await gapOf(api, 'limit:entities')
    expect(gap?.reason).toMatch(/^The agent has too many or too large entities .*: 2 entities .*, of `container` \(2\)/)
    // A state that is too large is not stored, and its entity still exists.
    const large = entityOf('b', { name: 'large', attributes: { text: 'x'.repeat(4000) } })
    await send({ entities: [entityOf('a', { name: 'new' }), large, entityOf('c')] }, { snapshot: true })
    const names = () => containersOf(api, AGENT_URL, ({ id, name }) => `${id} ${name}`)
    expect(await names()).toEqual(['a new', 'b b', 'c c'])
    expect(await droppedOf(api)).toEqual({ 'entities,agent': 3 })
    await send({ entities: [entityOf('c', { deleted: true }), entityOf('a'), entityOf('b')] })
    expect(await gapOf(api, 'limit:entities')).toMatchObject({ open: false })
    api.clock.now += 2 * DAY
    await send({ entities: [entityOf('a')] })
    await api.applyRetention()
    await send({ entities: [entityOf('d'), entityOf('e')] })
    expect(await containersOf(api)).toEqual(['a', 'b', 'd'])
    expectExactUsage(api)
  })

  test('count what is stored after late reports, and after several states in one report', async () => {
    const api = await startApi()
    const send = senderOf(api, await api.provision())
    const large = (id: string) => entityOf(id, { attributes: { text: 'x'.repeat(1000) } })
    await send({ entities: [entityOf('a'), entityOf('b'), entityOf('c')] })
    await send({ entities: [large('a')] }, { sequence: 2 })
    await send({ entities: [entityOf('a', { name: 'late' })] }, { sequence: 1 })
    expectExactUsage(api)
    await send({ entities: [large('b'), entityOf('b', { deleted: true }), large('c'), entityOf('c')] }, { sequence: 3 })
    expectExactUsage(api)
    expect(await containersOf(api)).toEqual(['a', '-b', 'c'])
  })

  test('keep a deleted entity that exists again with a state that is too large', async () => {
    const api = await startApi({ maxStateBytesPerAgent: 3000 })
    const send = senderOf(api, await api.provision())
    await send({ entities: ['a', 'b', 'c'].map((id) => entityOf(id)) })
    await send({ entities: ['a', 'b'].map((id) => entityOf(id, { deleted: true })) })
    expect(await containersOf(api)).toEqual(['-a', '-b', 'c'])
    const large = { attributes: { text: 'x'.repeat(4000) } }
    await send({ entities: ['a', 'b', 'c'].map((id) => entityOf(id, large)) }, { snapshot: true })
    expect(await containersOf(api)).toEqual(['a', 'b', 'c'])
    expectExactUsage(api)
  })
})

describe('the default limits', () => {
  test('have room for the pods that two jobs of a cluster create each minute of a week', async () => {
    const api = await startApi()
    const send = senderOf(api, await api.provision())
    await send({})
    const pods = 2 * 7 * 24 * 60
    const database = new DatabaseSync(api.databasePath)
    // A pod has up to 19 series and 2000 bytes, and so has its job.
    database.exec(
      `update agents set series_count = ${19 * pods}, entity_count = ${2 * pods}, entity_bytes = ${4000 * pods}`,
    )
    database.close()
    await send({ entities: [entityOf('a')], metrics: points(0, 1) })
    expect(await containersOf(api)).toEqual(['a'])
    expect(await seriesOf(api)).toHaveLength(1)
  })
})

describe('the limit of events', () => {
  test('admits ten minutes’ worth at once, drops the least severe beyond, and refills with time', async () => {
    const api = await startApi({ maxEventsPerMinute: 2 })
    const token = await api.provision()
    const send = senderOf(api, token)
    const events = (count: number) =>
      Array.from({ length: count }, (_, index) => eventOf({ severity: index === count - 1 ? 'critical' : 'info' }))
    await send({ events: events(23) })
    const stored = () => api.list<{ severity: string }>('/api/v1/events')
    expect((await stored()).map((event) => event.severity)).toContain('critical')
    expect(await stored()).toHaveLength(20)
    const gap = await gapOf(api, 'limit:events')
    expect(gap?.reason).toMatch(
      /^The agent has too many events \(at most 2 a minute\): 3 events .* `container\.died` \(3\)/,
    )
    expect(await droppedOf(api)).toEqual({ 'events,agent': 3 })
    await senderOf(api, token, 'second')({ events: events(2) })
    api.clock.now += 60 * SECOND
    await send({ events: events(2) })
    expect(await stored()).toHaveLength(24)
    expect(await gapOf(api, 'limit:events')).toMatchObject({ open: false })
  })
})

describe('the limit of events of a report that cannot be stored', () => {
  test('is not used up', async () => {
    const api = await startApi({ maxEventsPerMinute: 2 })
    const token = await api.provision()
    const send = senderOf(api, token)
    await send({})
    const database = new DatabaseSync(api.databasePath)
    database.exec("create trigger failing before insert on events begin select raise(abort, 'failing'); end")
    const events = Array.from({ length: 20 }, () => eventOf())
    const failed = await api.send(token, reportOf({ events }, { agent_id: agentIdOf('first') }))
    expect(failed.json().detail).toMatch(/^The store is temporarily unavailable/)
    database.exec('drop trigger failing')
    database.close()
    await send({ events })
    expect(await api.list('/api/v1/events')).toHaveLength(20)
    expect(await droppedOf(api)).toEqual({})
  })
})

describe('the limit of gaps', () => {
  test('bounds the bytes of a report, so that agents can be listed', async () => {
    const api = await startApi()
    const reason = 'r'.repeat(4000)
    const gaps = Array.from({ length: 200 }, (_, index) => ({ scope: `container:${index}`, reason, since: at(0) }))
    await senderOf(api, await api.provision())({ gaps })
    const { health } = (await api.admin(AGENT_URL)).json()
    expect(health.gaps.length).toBeGreaterThan(60)
    expect(health.gaps.length).toBeLessThan(70)
    expect((await gapOf(api, 'limit:gaps'))?.reason).toMatch(/^The agent has too many gaps \(at most 262144 bytes\)/)
  })
})

describe('the limit of agents', () => {
  test('ends the joining of new agents with one token, not the agents that joined', async () => {
    const api = await startApi({ maxAgentsPerToken: 2 })
    for (const config of [{}, { token_ttl: 'unlimited' }]) {
      const token = await api.provision('prod-cluster-1', 'docker', config)
      const call = async (name: string) => (await api.heartbeat(token, { agent_id: agentIdOf(name) })).json()
      for (const name of ['first', 'second', 'first']) expect(await call(name)).toHaveProperty('server_time')
      const kind = Object.keys(config).length
      if (kind === 0) expect((await call('third')).detail).toMatch(/`RCA_MAX_AGENTS_PER_TOKEN`.*Provision the env/)
      // Agents that called before their token was counted are not counted.
      else for (const name of ['third', 'fourth']) expect(await call(name)).toHaveProperty('server_time')
      if (kind > 0) expect(await call('fifth')).toMatchObject({ status: 401 })
      expect(await call('second')).toHaveProperty('server_time')
    }
    const token = await api.provision('prod-cluster-1', 'docker', { token_uses: 3 })
    for (const name of ['sixth', 'seventh', 'eighth'])
      expect((await api.heartbeat(token, { agent_id: agentIdOf(name) })).statusCode).toBe(200)
  })

  test('counts agents of the last day alone, for a token without a number of its own', async () => {
    const api = await startApi({ maxAgentsPerToken: 2 })
    const join = async (token: string, names: readonly string[]) => {
      const statuses: number[] = []
      for (const name of names) statuses.push((await api.heartbeat(token, { agent_id: agentIdOf(name) })).statusCode)
      return statuses
    }
    const shared = await api.provision('prod-cluster-1', 'docker', { token_ttl: '30d' })
    const counted = await api.provision('other', 'docker', { token_ttl: '30d', token_uses: 2 })
    for (const token of [shared, counted]) expect(await join(token, ['a', 'b', 'c'])).toEqual([200, 200, 401])
    api.clock.now += DAY - SECOND
    expect(await join(shared, ['a', 'c'])).toEqual([200, 401])
    api.clock.now += SECOND
    expect(await join(shared, ['c', 'd', 'b'])).toEqual([200, 401, 200])
    expect(await join(counted, ['c', 'b'])).toEqual([401, 200])
  })
})
