import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { agentIdOf, DAY, entityOf, eventOf, metricOf, reportOf, START, startApi } from './kit.ts'

const iso = (milliseconds: number) => new Date(milliseconds).toISOString()
const TABLES = [
  'points',
  'point_blocks',
  'series',
  'events',
  'entities',
  'gaps',
  'reports',
  'agents',
  'tokens',
  'environments',
]

describe('the retention', () => {
  test('removes old data, and series and agents without any data left', async () => {
    const api = await startApi({ retention: '2d' })
    const token = await api.provision()
    const gap = { scope: 's', reason: 'r', since: iso(START) }
    const old = { name: 'old.series' }
    await api.send(
      token,
      reportOf({
        metrics: [metricOf(1), metricOf(2, old)],
        events: [eventOf()],
        entities: [entityOf('c1'), entityOf('c2', { deleted: true })],
        gaps: [gap],
      }),
    )
    await api.send(
      token,
      reportOf(
        { metrics: [metricOf(1)], events: [eventOf()], entities: [entityOf('c1')] },
        { agent_id: agentIdOf('silent') },
      ),
    )
    const counts = () => {
      const database = new DatabaseSync(api.databasePath, { readOnly: true })
      const rows = Object.fromEntries(
        TABLES.map((table) => [table, database.prepare(`select count(*) as count from ${table}`).get()?.count]),
      )
      database.close()
      return rows
    }
    expect(counts()).toEqual({
      points: 3,
      point_blocks: 0,
      series: 3,
      events: 2,
      entities: 3,
      gaps: 1,
      reports: 2,
      agents: 2,
      tokens: 1,
      environments: 1,
    })

    api.clock.now = START + 2 * DAY
    await api.send(token, reportOf({ metrics: [metricOf(3)] }, { timestamp: iso(api.clock.now), sequence: 1 }))
    await api.applyRetention()
    // The older of the two points of a series is packed.
    expect(counts()).toMatchObject({ points: 3, point_blocks: 1, events: 2 })

    api.clock.now += 1
    await api.applyRetention()
    expect(counts()).toEqual({
      points: 1,
      // Until its whole window is older.
      point_blocks: 1,
      series: 1,
      events: 0,
      entities: 1,
      gaps: 0,
      reports: 1,
      agents: 1,
      tokens: 1,
      environments: 1,
    })

    // A removed series is created again: its id is not cached.
    await api.send(token, reportOf({ metrics: [metricOf(4, old)] }, { timestamp: iso(api.clock.now) }))
    expect(
      (await api.admin(`/api/v1/metrics?name=old.series&to=${iso(api.clock.now + 1000)}`)).json().series,
    ).toMatchObject([{ points: [{ value: 4 }] }])
  })

  test('removes expired and revoked tokens, and silent agents', async () => {
    const api = await startApi({ retention: '1d' })
    const token = await api.provision()
    await api.heartbeat(token)
    await api.admin({ method: 'POST', url: '/api/v1/environments/prod-cluster-1/token/revoke' })
    const environment = async () => (await api.admin('/api/v1/environments/prod-cluster-1')).json()
    api.clock.now += DAY
    await api.applyRetention()
    expect(await environment()).toMatchObject({ agents: 1, tokens: [{ state: 'revoked' }] })
    api.clock.now += 1
    await api.applyRetention()
    expect(await environment()).toMatchObject({ agents: 0, tokens: [] })
  })

  test('removes rows in small steps, between which requests are served', async () => {
    const api = await startApi({ retention: '1d' })
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1)] }))
    await api.send(token, reportOf({}, { agent_id: agentIdOf('other') }))
    const database = new DatabaseSync(api.databasePath)
    const numbers = 'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 20000)'
    for (const rows of [
      "reports select 1, 'r' || n, 0",
      "entities select 1, 'container', 'e' || n, 'e', '{}', '[]', 0, 0, iif(n % 2, 0, null), 0",
      "gaps select 1, 'g' || n, 0, 'r', iif(n % 2, 0, 9e15), 0, null, null",
      'points select 1, n, 1',
      "events select null, 1, 'n' || n, 'n', iif(n % 2, 0, 9e15), 0, 't', 'i', 'b', '{}'",
    ])
      database.exec(`insert into ${rows.replace(/ /, ` ${numbers} `)} from numbers`)
    api.clock.now = START + 3 * DAY
    // Time passes by what arrives.
    await api.send(token, reportOf({}, { agent_id: agentIdOf('other'), timestamp: iso(api.clock.now), sequence: 1 }))

    const tables = ['reports', 'entities', 'gaps', 'points', 'events']
    const count = () =>
      tables.map((table) => Number(database.prepare(`select count(*) as count from ${table}`).get()?.count))
    let before = count()
    let largest = 0
    let done = false
    const retention = api.applyRetention().finally(() => {
      done = true
    })
    while (!done) {
      await setImmediate()
      const now = count()
      largest = Math.max(largest, ...now.map((left, index) => (before[index] ?? 0) - left))
      before = now
    }
    await retention
    database.close()
    expect(before).toEqual([1, 0, 0, 0, 0])
    expect(largest).toBeLessThanOrEqual(5000)
    expect((await api.admin('/api/v1/agents')).json().agents).toMatchObject([{ agent_id: agentIdOf('other') }])
  })

  test('removes nothing for a clock that is ahead, nor while no reports arrive', async () => {
    const api = await startApi({ retention: '7d' })
    const token = await api.provision()
    const data = { metrics: [metricOf(1)], events: [eventOf()], entities: [entityOf('c1', { deleted: true })] }
    await api.send(token, reportOf(data))
    const stored = async () => [
      (await api.admin('/api/v1/events')).json().events.length,
      (
        await api.admin(`/api/v1/metrics?name=container.memory.usage&from=${iso(START - DAY)}&to=${iso(START + DAY)}`)
      ).json().series.length,
      (await api.admin('/api/v1/agents')).json().agents.length,
    ]
    for (const days of [8, 365]) {
      api.clock.now = START + days * DAY
      await api.applyRetention()
      // The clocks of agents are right.
      await api.send(token, reportOf({ metrics: [metricOf(2)] }, { timestamp: iso(START + 1000), sequence: days }))
      await api.applyRetention()
    }
    api.clock.now = START + 2000
    expect(await stored()).toEqual([1, 1, 1])
  })

  test('gives the space of removed data back to the disk', async () => {
    const api = await startApi({ retention: '1d' })
    const token = await api.provision()
    const body = 'x'.repeat(60_000)
    const events = Array.from({ length: 100 }, (_, index) => eventOf({ id: String(index), body }))
    for (let sequence = 0; sequence < 5; sequence += 1)
      await api.send(
        token,
        reportOf({ events: events.map((event) => ({ ...event, id: `${sequence} ${event.id}` })) }, { sequence }),
      )
    await api.applyRetention()
    const full = statSync(api.databasePath).size
    expect(full).toBeGreaterThan(30_000_000)
    api.clock.now = START + 2 * DAY
    await api.send(token, reportOf({}, { timestamp: iso(api.clock.now), sequence: 9 }))
    await api.applyRetention()
    expect(statSync(api.databasePath).size).toBeLessThan(full / 4)
    expect(statSync(`${api.databasePath}-wal`).size).toBe(0)
    expect((await api.admin('/readyz')).statusCode).toBe(200)
    expect(
      (await api.send(token, reportOf({ events }, { timestamp: iso(api.clock.now), sequence: 10 }))).statusCode,
    ).toBe(202)
    expect((await api.admin('/metrics')).body).toMatch(/rca_api_store_bytes\{part="wal"\} [1-9]/)
  })
})
