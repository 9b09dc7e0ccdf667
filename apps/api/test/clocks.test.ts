import { describe, expect, it } from 'vitest'
import { agentIdOf, eventOf, metricOf, reportOf, START, startApi, type TestApi } from './start-api.ts'

const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
const agentUrl = `/api/v1/agents/${agentIdOf('first')}`

describe('a clock that is ahead', () => {
  const values = async (api: TestApi) =>
    (await api.admin(`/api/v1/metrics?name=kiln.temperature&step=1s&from=${at(-3600)}&to=${at(600)}`))
      .json()
      .series.flatMap(({ points }: { points: object[] }) => points)

  it('costs no point, and keeps the distances within a request and between requests', async () => {
    const api = await startApi()
    const token = await api.provision()
    const ahead = (value: number, seconds: number) =>
      reportOf({ metrics: [metricOf(value)] }, { timestamp: at(3600 + seconds), sequence: value })
    await api.send(token, ahead(0, -30), ahead(1, -15), ahead(2, 0))
    await api.send(token, ahead(3, 15), ahead(4, 30))
    expect(await values(api)).toEqual([-30, -15, 0, 15, 30].map((seconds, value) => ({ at: at(seconds), value })))
    expect((await api.admin(agentUrl)).json().last_report_at).toBe(at(30))
  })

  it('is that of one agent, and does not move what another one sent with it', async () => {
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

  it('dates neither events nor gaps into the future', async () => {
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
    expect((await api.admin(`${agentUrl}/gaps`)).json().gaps).toMatchObject([{ since: at(0), open: true }])
    const shifted = reportOf(
      { events: [eventOf({ name: 'shifted', at: at(7190) })], gaps: [gap('shifted', at(7195))] },
      { timestamp: at(7200) },
    )
    await api.send(token, shifted)
    expect(await events()).toContainEqual(['shifted', at(-10)])
    expect((await api.admin(`${agentUrl}/gaps?open=true`)).json().gaps).toMatchObject([{ since: at(-5) }])
    api.clock.now += 2 * 3600 * 1000
    await api.applyRetention()
    expect(await events()).toEqual([])
  })
})
