import { describe, expect, test } from 'vitest'
import { AGENT_URL, agentIdOf, at, eventOf, metricOf, reportOf, SECOND, START, startApi, type TestApi } from './kit.ts'

describe('reports of an agent whose clock is behind', () => {
  const HOUR = 3600
  const values = async (api: TestApi) =>
    (await api.admin(`/api/v1/metrics?name=container.memory.usage&step=1s&from=${at(-HOUR)}&to=${at(600)}`))
      .json()
      .series.flatMap(({ points }: { points: object[] }) => points)

  test.each([
    ['an hour', HOUR, '60 minutes'],
    ['eight days', 8 * 24 * HOUR, '8 days'],
    ['decades, since it starts in 1970', START / SECOND - 60, '20780 days'],
  ])('by %s keep all points and their distances, and are a gap until the clock is set', async (_by, behind, words) => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token, { started_at: at(-behind) })
    const send = (value: number, time: number) =>
      api.send(
        token,
        reportOf(
          { metrics: [metricOf(value)], events: [eventOf({ id: `e${value}`, at: at(time) })] },
          { timestamp: at(time), sequence: value },
        ),
      )
    await send(0, -behind)
    api.clock.now += 15 * SECOND
    await send(1, 15 - behind)
    expect(await values(api)).toEqual([0, 15].map((seconds, value) => ({ at: at(seconds), value })))
    const { events } = (await api.admin('/api/v1/events')).json()
    expect(events.map((event: { at: string }) => event.at)).toEqual([at(15), at(0)])
    const gaps = async () => (await api.admin(`${AGENT_URL}/gaps`)).json().gaps
    expect(await gaps()).toMatchObject([
      { scope: 'clock', open: true, since: at(0), reason: expect.stringContaining(`${words} behind`) },
    ])
    expect((await api.admin(AGENT_URL)).json().health).toMatchObject({ status: 'degraded', gaps: [{ scope: 'clock' }] })
    api.clock.now += 15 * SECOND
    await send(2, 30)
    expect(await gaps()).toMatchObject([{ scope: 'clock', open: false }])
    expect((await values(api)).at(-1)).toEqual({ at: at(30), value: 2 })
  })

  test('are not confused with reports that waited in the outbox', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token)
    api.clock.now += HOUR * SECOND
    await api.heartbeat(token, { outbox: { reports: 2, bytes: 9, dropped: 0 } })
    await api.send(token, reportOf({ metrics: [metricOf(1)] }, { timestamp: at(10) }))
    expect(await values(api)).toEqual([{ at: at(10), value: 1 }])
    expect((await api.admin(`${AGENT_URL}/gaps`)).json().gaps).toEqual([])
  })
})

describe('reports of an agent whose clock is ahead', () => {
  const values = async (api: TestApi) =>
    (await api.admin(`/api/v1/metrics?name=container.memory.usage&step=1s&from=${at(-3600)}&to=${at(600)}`))
      .json()
      .series.flatMap(({ points }: { points: object[] }) => points)

  test('keep all points and their distances, within a request and between requests', async () => {
    const api = await startApi()
    const token = await api.provision()
    const ahead = (value: number, seconds: number) =>
      reportOf({ metrics: [metricOf(value)] }, { timestamp: at(3600 + seconds), sequence: value })
    await api.send(token, ahead(0, -30), ahead(1, -15), ahead(2, 0))
    await api.send(token, ahead(3, 15), ahead(4, 30))
    expect(await values(api)).toEqual([-30, -15, 0, 15, 30].map((seconds, value) => ({ at: at(seconds), value })))
    expect((await api.admin(AGENT_URL)).json().last_report_at).toBe(at(30))
  })

  test('do not shift the reports of another agent in the same request', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(
      token,
      reportOf({ metrics: [metricOf(1)] }, { timestamp: '2036-01-01T00:00:00.000Z' }),
      reportOf({ metrics: [metricOf(2)] }, { timestamp: at(-60), agent_id: agentIdOf('second') }),
    )
    expect(await values(api)).toEqual([
      { at: at(0), value: 1 },
      { at: at(-60), value: 2 },
    ])
  })

  test('do not shift events of a correct clock', async () => {
    const api = await startApi()
    const token = await api.provision()
    const engine = eventOf({ name: 'engine', at: at(-20), clock_offset_ms: -600_000 })
    await api.send(
      token,
      reportOf({ events: [engine, eventOf({ name: 'agent', at: at(580) })] }, { timestamp: at(600) }),
    )
    const { events } = (await api.admin('/api/v1/events')).json()
    expect(events.map((event: { at: string }) => event.at)).toEqual([at(-20), at(-20)])
  })

  test('store neither events nor gaps in the future', async () => {
    const api = await startApi({ retention: '1h' })
    const token = await api.provision()
    const never = '9999-12-31T23:59:59.000Z'
    const gap = (scope: string, since: string) => ({ scope, reason: 'r', since })
    await api.send(
      token,
      reportOf({
        events: [eventOf({ name: 'never', at: never }), eventOf({ name: 'soon', at: at(240) })],
        gaps: [gap('never', never)],
      }),
    )
    const events = async () =>
      (await api.admin('/api/v1/events'))
        .json()
        .events.map((event: { name: string; at: string }) => [event.name, event.at])
    expect(await events()).toEqual([
      ['soon', at(240)],
      ['never', at(0)],
    ])
    expect((await api.admin(`${AGENT_URL}/gaps`)).json().gaps).toMatchObject([{ since: at(0), open: true }])
    const shifted = reportOf(
      { events: [eventOf({ name: 'shifted', at: at(7190) })], gaps: [gap('shifted', at(7195))] },
      { timestamp: at(7200) },
    )
    await api.send(token, shifted)
    expect(await events()).toContainEqual(['shifted', at(-10)])
    expect((await api.admin(`${AGENT_URL}/gaps?open=true`)).json().gaps).toMatchObject([{ since: at(-5) }])
    api.clock.now += 2 * 3600 * 1000
    await api.send(token, reportOf({}, { timestamp: at(7200) }))
    await api.applyRetention()
    expect(await events()).toEqual([])
  })
})
