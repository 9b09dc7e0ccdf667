import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { SEVERITIES } from '@rca/core/protocol'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import {
  AGENT_URL,
  agentIdOf,
  at,
  container,
  entityOf,
  eventOf,
  metricOf,
  reportOf,
  SECOND,
  startApi,
  type TestApi,
} from './kit.ts'

const entities = async (api: TestApi, all = true) =>
  (await api.admin(`${AGENT_URL}/entities?include_deleted=${all}`)).json().entities as {
    id: string
    name: string
    deleted_at?: string
    attributes: object
    first_seen_at: string
  }[]

describe('delivery of reports', () => {
  test('stores a report once, even if it is sent several times', async () => {
    const api = await startApi()
    const token = await api.provision()
    const report = reportOf({
      entities: [entityOf('c1')],
      metrics: [metricOf(900)],
      events: [eventOf({ id: 'e1' }), eventOf()],
    })
    const first = await api.send(token, report)
    expect([first.statusCode, first.json()]).toEqual([202, { accepted: 1, duplicates: 0 }])
    expect((await api.send(token, report)).json()).toEqual({ accepted: 0, duplicates: 1 })
    const upper = { ...report, report_id: report.report_id.toUpperCase(), agent_id: report.agent_id.toUpperCase() }
    expect((await api.send(token, upper, upper, reportOf({}, { timestamp: at(1) }))).json()).toEqual({
      accepted: 1,
      duplicates: 2,
    })
    expect((await api.admin('/api/v1/events')).json().events).toHaveLength(2)
    expect((await api.admin('/api/v1/agents')).json().agents).toHaveLength(1)
  })

  test('stores an event id once per agent, across reports', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ events: [eventOf({ id: 'e1' })] }))
    await api.send(token, reportOf({ events: [eventOf({ id: 'e1', body: 'Again.' }), eventOf({ id: 'e2' })] }))
    await api.send(token, reportOf({ events: [eventOf({ id: 'e1' })] }, { agent_id: agentIdOf('second') }))
    expect(
      (await api.admin(`/api/v1/events?agent_id=${agentIdOf('first')}`))
        .json()
        .events.map((event: { body: string }) => event.body),
    ).toEqual(['The container died.', 'The container died.'])
    expect((await api.admin('/api/v1/events')).json().events).toHaveLength(3)
  })

  test('accepts gzip', async () => {
    const api = await startApi()
    const token = await api.provision()
    const payload = await promisify(gzip)(JSON.stringify({ reports: [reportOf({ metrics: [metricOf(1)] })] }))
    const response = await api.agent(token, {
      method: 'POST',
      url: '/api/v1/agent/data',
      payload,
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    })
    expect(response.statusCode).toBe(202)
  })

  test('refuses a request without reports and writes nothing, so that `rca-agent doctor` can check a token', async () => {
    const api = await startApi()
    const token = await api.provision()
    const list = async () => (await api.admin('/api/v1/agents')).json()
    const before = [await list(), (await api.admin('/api/v1/environments/prod-cluster-1')).json()]
    const response = await api.send(token)
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toEqual([{ pointer: '#/reports', detail: expect.any(String) }])
    expect([await list(), (await api.admin('/api/v1/environments/prod-cluster-1')).json()]).toEqual(before)
    expect(before[0].agents).toMatchObject([{ agent_id: null, connectivity: 'pending' }])
    expect((await api.send(`${token}x`)).statusCode).toBe(401)
  })

  test('writes nothing of a request with an invalid report, and points at the field', async () => {
    const api = await startApi()
    const token = await api.provision()
    const wrong = reportOf({ metrics: [metricOf(1), metricOf('hot' as unknown as number)] })
    const response = await api.send(token, reportOf({ metrics: [metricOf(1)] }), wrong)
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toEqual([
      { pointer: '#/reports/1/data/metrics/1/value', detail: 'Must be a number, not a string.' },
    ])
    expect((await api.admin('/api/v1/agents')).json().agents).toEqual([
      expect.objectContaining({ connectivity: 'pending' }),
    ])
  })

  test('names at most twenty fields', async () => {
    const api = await startApi()
    const token = await api.provision()
    const response = await api.send(
      token,
      reportOf({ metrics: Array.from({ length: 50 }, () => metricOf(null as unknown as number)) }),
    )
    expect(response.json().errors).toHaveLength(20)
  })

  test('stops validating after twenty invalid signals', async () => {
    const api = await startApi()
    const token = await api.provision()
    const metrics = Array.from({ length: 200_000 }, () => ({}) as ReturnType<typeof metricOf>)
    const response = await api.send(token, reportOf({ metrics }))
    // A problem for each signal would exceed the limits of an error and become a 500.
    expect([response.statusCode, response.json().errors.length]).toEqual([422, 20])
  })

  test('refuses reports of another type than the token’s', async () => {
    const api = await startApi()
    const token = await api.provision('a', 'server')
    const response = await api.send(token, reportOf())
    expect(response.statusCode).toBe(403)
    expect(response.json()).toMatchObject({
      errors: [{ pointer: '#/reports/0/agent_type' }],
      detail: expect.stringContaining('`server`'),
    })
  })

  test('rolls back a whole batch when the database fails, and accepts the next', async () => {
    const api = await startApi()
    const token = await api.provision()
    const other = new DatabaseSync(api.databasePath)
    other.exec(
      `create trigger refuse before insert on events when new.name = 'refused' begin select raise(abort, 'disk full'); end`,
    )
    const series = metricOf(1, { name: 'new.series' })
    const response = await api.send(token, reportOf({ metrics: [series], events: [eventOf({ name: 'refused' })] }))
    expect(response.statusCode).toBe(503)
    expect(response.headers['retry-after']).toMatch(/^1[0-5]$/)
    expect(response.body).not.toContain('disk full')
    expect(
      other
        .prepare(
          'select (select count(*) from series) + (select count(*) from reports) + (select count(*) from points) as rows',
        )
        .get()?.rows,
    ).toBe(0)
    other.exec('drop trigger refuse')
    other.close()
    // The series of the failed transaction must not be cached: its id does not exist.
    expect((await api.send(token, reportOf({ metrics: [series] }))).statusCode).toBe(202)
    expect((await api.admin('/api/v1/metrics?name=new.series&to=2026-11-22T13:00:00Z')).json().series).toMatchObject([
      { points: [{ value: 1 }] },
    ])
  })
})

describe('entities', () => {
  test('are created, changed, deleted and restored', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf(
        {
          entities: [
            entityOf('c1', {
              attributes: { size: 1 },
              relations: [{ type: 'runs_on', target: { type: 'host', id: 'r' } }],
            }),
          ],
        },
        { timestamp: at(0) },
      ),
    )
    await api.send(
      token,
      reportOf({ entities: [entityOf('c1', { name: 'big', attributes: { size: 2 } })] }, { timestamp: at(1) }),
    )
    expect(await entities(api)).toMatchObject([
      { id: 'c1', name: 'big', attributes: { size: 2 }, relations: [], first_seen_at: at(0), updated_at: at(1) },
    ])
    await api.send(token, reportOf({ entities: [entityOf('c1', { deleted: true })] }, { timestamp: at(2) }))
    expect(await entities(api)).toMatchObject([{ name: 'big', attributes: { size: 2 }, deleted_at: at(2) }])
    expect(await entities(api, false)).toEqual([])
    await api.send(token, reportOf({ entities: [entityOf('c1')] }, { timestamp: at(3) }))
    expect((await entities(api, false))[0]).not.toHaveProperty('deleted_at')
  })

  test('are deleted by a snapshot without them', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf({ entities: [entityOf('c1'), entityOf('c2')] }, { timestamp: at(0) }),
      reportOf({ entities: [entityOf('x')] }, { timestamp: at(0), agent_id: agentIdOf('second') }),
    )
    await api.send(
      token,
      reportOf({ entities: [entityOf('c2'), entityOf('c3')] }, { timestamp: at(5), snapshot: true }),
    )
    expect((await entities(api)).map(({ id, deleted_at }) => [id, deleted_at])).toEqual([
      ['c1', at(5)],
      ['c2', undefined],
      ['c3', undefined],
    ])
    expect((await api.admin(`/api/v1/agents/${agentIdOf('second')}/entities`)).json().entities).toHaveLength(1)
  })

  test.each([
    ['all of a type', [{ type: 'region' }], ['c1', 'c2']],
    ['one', [{ type: 'region', id: 'eu' }], ['c1', 'us', 'c2']],
    ['one in the middle of others', [{ type: 'container', id: 'c3' }], ['c1', 'eu', 'us', 'c2']],
  ])('are kept by a snapshot that could not read them: %s', async (_what, snapshot_except, deleted) => {
    const api = await startApi()
    const token = await api.provision()
    const inRegion = (region: string) => ({ relations: [{ type: 'in', target: { type: 'region', id: region } }] })
    const before = [
      entityOf('c1'),
      entityOf('eu', { type: 'region' }),
      entityOf('us', { type: 'region' }),
      entityOf('v1', { type: 'volume', relations: [{ type: 'of', target: { type: 'container', id: 'c3' } }] }),
      entityOf('c2', { type: 'volume' }),
      entityOf('c3', inRegion('eu')),
      entityOf('c4'),
    ]
    const now = [entityOf('c4')]
    await api.send(
      token,
      reportOf({ entities: before }, { timestamp: at(0), snapshot: true }),
      reportOf({ entities: now }, { sequence: 1, timestamp: at(5), snapshot_except }),
    )
    const stored = await entities(api)
    const ids = stored.filter(({ deleted_at }) => deleted_at !== undefined).map(({ id }) => id)
    expect(ids.sort()).toEqual(deleted.sort())
  })

  test('keep their newest state when reports arrive late', async () => {
    const api = await startApi()
    const token = await api.provision()
    const before = reportOf({ entities: [entityOf('c3')] }, { sequence: 1, timestamp: at(4) })
    const late = reportOf(
      { entities: [entityOf('c1', { name: 'old' }), entityOf('c2'), entityOf('c4')] },
      { sequence: 2, timestamp: at(5) },
    )
    const lateSnapshot = reportOf({ entities: [] }, { sequence: 3, timestamp: at(6), snapshot: true })
    const newest = reportOf(
      { entities: [entityOf('c1', { name: 'new' }), entityOf('c2', { deleted: true })] },
      { sequence: 4, timestamp: at(10) },
    )
    for (const report of [before, newest, late, lateSnapshot]) await api.send(token, report)
    expect((await entities(api)).map(({ id, name, deleted_at }) => [id, name, deleted_at])).toEqual([
      ['c1', 'new', undefined],
      ['c2', 'c2', at(10)],
      ['c3', 'c3', at(6)],
      ['c4', 'c4', at(6)],
    ])
  })

  test.each([
    ['within a run', 1],
    ['before a restart', 0],
  ])('are updated by an agent whose clock was set back %s', async (_name, sequence) => {
    const api = await startApi()
    const token = await api.provision()
    const later = reportOf({ entities: [entityOf('c1', { name: 'now' })] }, { sequence, timestamp: at(-120) })
    const gap = { scope: 'collector:containers', reason: 'denied', since: at(0) }
    await api.send(token, reportOf({ entities: [entityOf('c1')] }, { timestamp: at(0) }))
    await api.send(token, {
      ...later,
      // The UUIDv7 of a new run is smaller when the clock was set back.
      report_id: sequence === 0 ? '00000000-0000-7000-8000-000000000000' : later.report_id,
      data: { ...later.data, gaps: [gap] },
    })
    expect(await entities(api)).toMatchObject([{ name: 'now', updated_at: at(-120) }])
    expect((await api.admin(`${AGENT_URL}/gaps?open=true`)).json().gaps).toHaveLength(1)
    expect((await api.admin(AGENT_URL)).json().health.gaps).toHaveLength(1)
  })

  test('are updated after a report from a clock that is years ahead', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf({ entities: [entityOf('c1', { name: 'future' })] }, { timestamp: '2036-01-01T00:00:00.000Z' }),
    )
    await api.send(token, reportOf({ entities: [entityOf('c1', { name: 'now' })] }, { timestamp: at(1) }))
    expect(await entities(api)).toMatchObject([{ name: 'now' }])
  })

  test('are returned once each, over all pages', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ entities: Array.from({ length: 25 }, (_, index) => entityOf(`c${index}`)) }))
    const seen = (await api.list<{ id: string }>(`${AGENT_URL}/entities?limit=10`)).map(({ id }) => id)
    expect(seen).toHaveLength(25)
    expect(new Set(seen).size).toBe(25)
  })

  test('may have any text as id', async () => {
    const api = await startApi()
    const token = await api.provision()
    const ids = ['a\nb', "'; drop table entities; --", '𝄞', 'ä', '%_', '/mnt/"x"']
    await api.send(
      token,
      reportOf({
        entities: ids.map((id) => entityOf(id)),
        metrics: ids.map((id) => metricOf(1, { entity: { type: 'container', id } })),
      }),
    )
    expect((await entities(api)).map(({ id }) => id).sort()).toEqual([...ids].sort())
    const answer = await api.admin({
      url: '/api/v1/metrics',
      query: { name: 'container.memory.usage', entity_id: ids[1] ?? '', to: at(60) },
    })
    expect(answer.json().series).toHaveLength(1)
  })
})

describe('gaps', () => {
  test('are open while the newest report contains them', async () => {
    const api = await startApi()
    const token = await api.provision()
    const gap = { scope: 'collector:containers', reason: 'denied', since: at(0) }
    const late = reportOf({ gaps: [gap] }, { sequence: 2, timestamp: at(20) })
    await api.send(token, reportOf({ gaps: [gap] }, { sequence: 0, timestamp: at(0) }))
    await api.send(token, reportOf({ gaps: [{ ...gap, reason: 'still denied' }] }, { sequence: 1, timestamp: at(15) }))
    const open = { ...gap, reason: 'still denied', last_reported_at: at(15), open: true }
    const folded = { count: 1, blind_seconds: 15, periods: [{ since: at(0), until: at(15) }] }
    expect((await api.admin(`${AGENT_URL}/gaps?open=true`)).json().gaps).toEqual([{ ...open, ...folded }])
    expect((await api.admin(AGENT_URL)).json().health.gaps).toEqual([open])
    await api.send(token, reportOf({ metrics: [metricOf(1)] }, { sequence: 3, timestamp: at(30) }))
    await api.send(token, late)
    expect((await api.admin(`${AGENT_URL}/gaps?open=true`)).json().gaps).toEqual([])
    expect((await api.admin(`${AGENT_URL}/gaps`)).json().gaps).toMatchObject([{ since: at(0), open: false }])
  })

  test('are not frozen by a report with the highest id and sequence', async () => {
    const api = await startApi()
    const token = await api.provision()
    const gap = { scope: 'collector:containers', reason: 'forged', since: at(0) }
    const forged = { sequence: Number.MAX_SAFE_INTEGER, report_id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' }
    await api.send(token, reportOf({}, { sequence: 0 }))
    await api.send(token, reportOf({ gaps: [gap] }, { ...forged, timestamp: at(15) }))
    const scopes = async () =>
      (await api.list<{ scope: string }>(`${AGENT_URL}/gaps?open=true`)).map(({ scope }) => scope)
    expect(await scopes()).toContain(gap.scope)
    for (let sequence = 1; sequence < 60; sequence += 1) {
      api.clock.now += 15 * SECOND
      await api.send(token, reportOf({}, { sequence, timestamp: at(sequence * 15) }))
    }
    expect(await scopes()).not.toContain(gap.scope)
    const late = reportOf({ gaps: [gap] }, { sequence: 57, timestamp: at(57 * 15), report_id: v7({ msecs: 1 }) })
    await api.send(token, late)
    expect(await scopes()).not.toContain(gap.scope)
  })

  test('that come and go are one item, with the time of all periods', async () => {
    const api = await startApi()
    const token = await api.provision()
    const gap = (scope: string, since: number) => ({ scope, reason: `since ${since}`, since: at(since) })
    const gapsAt: readonly (readonly [number, ReturnType<typeof gap>[]])[] = [
      [0, [gap('container:a', 0)]],
      [10, [gap('container:a', 0), gap('container:b', 10)]],
      [20, []],
      [30, [gap('container:a', 25)]],
      // Another replica has been blind for longer.
      [35, [gap('container:a', 22)]],
      [40, []],
      [60, [gap('container:a', 60)]],
    ]
    for (const [sequence, [time, gaps]] of gapsAt.entries())
      await api.send(token, reportOf({ gaps }, { sequence, timestamp: at(time) }))
    const a = {
      scope: 'container:a',
      reason: 'since 60',
      since: at(60),
      last_reported_at: at(60),
      open: true,
      count: 4,
      blind_seconds: 23,
      periods: [
        { since: at(60), until: at(60) },
        { since: at(25), until: at(30) },
        { since: at(22), until: at(35) },
        { since: at(0), until: at(10) },
      ],
    }
    const listed = await api.list<object>(`${AGENT_URL}/gaps?limit=1`)
    expect(listed).toEqual([a, expect.objectContaining({ scope: 'container:b', open: false, count: 1 })])
    expect((await api.admin(`${AGENT_URL}/gaps?open=true`)).json().gaps).toEqual([a])
  })
})

describe('events', () => {
  test('are filtered by environment, agent, time, severity, name and entity, newest first', async () => {
    const api = await startApi()
    const [a, b] = [await api.provision('a'), await api.provision('b')]
    const severities = ['info', 'warning', 'error', 'critical'] as const
    await api.send(
      a,
      reportOf({
        events: severities.map((severity, index) => eventOf({ severity, at: at(index), name: `n.${index}` })),
      }),
    )
    await api.send(
      b,
      reportOf({
        events: [eventOf({ at: at(10), entity: { ...container, id: 'other' }, attributes: { 'exit.code': 137 } })],
      }),
    )
    const names = async (query: string) =>
      (await api.admin(`/api/v1/events?${query}`)).json().events.map((event: { name: string }) => event.name)
    expect(await names('')).toEqual(['container.died', 'n.3', 'n.2', 'n.1', 'n.0'])
    expect(await names('environment=a&severity=error')).toEqual(['n.3', 'n.2'])
    expect(await names(`environment=a&from=${at(1)}&to=${at(3)}`)).toEqual(['n.2', 'n.1'])
    expect(await names('entity_id=other&entity_type=container')).toEqual(['container.died'])
    expect(await names('name=n.1')).toEqual(['n.1'])
    expect(await names('environment=c')).toEqual([])
    const [event] = (await api.admin('/api/v1/events?environment=b')).json().events
    expect(event).toMatchObject({
      environment: 'b',
      agent_type: 'docker',
      attributes: { 'exit.code': 137 },
      at: at(10),
    })
    const first = (await api.admin('/api/v1/events?limit=3')).json()
    const second = (await api.admin(`/api/v1/events?limit=3&cursor=${first.next_cursor}`)).json()
    expect([...first.events, ...second.events].map((each: { name: string }) => each.name)).toEqual(await names(''))
    expect(second.next_cursor).toBeNull()
  })

  test('are stored with the same number of their severity as in existing databases', async () => {
    const api = await startApi()
    const token = await api.provision()
    const events = SEVERITIES.map((severity) => eventOf({ severity, name: severity }))
    expect((await api.send(token, reportOf({ events }))).statusCode).toBe(202)
    const database = new DatabaseSync(api.databasePath, { readOnly: true })
    const rows = database.prepare('select name, severity from events order by severity').all()
    database.close()
    expect(rows.map(({ name, severity }) => [severity, name])).toEqual([
      [0, 'info'],
      [1, 'warning'],
      [2, 'error'],
      [3, 'critical'],
    ])
  })
})
