import { describe, expect, test } from 'vitest'
import { AGENT_URL, at, entityOf, reportOf, SECOND, START, startApi, type TestApi } from './kit.ts'

const dataOf = async (api: TestApi) => (await api.admin(AGENT_URL)).json().data

const RUN = { started_at: at(0), report_interval_seconds: 15 }

/** Sends heartbeats every 30 s until a time, in seconds after the start. */
async function heartbeatsUntil(api: TestApi, token: string, seconds: number, fields = {}): Promise<void> {
  for (; api.clock.now <= START + seconds * SECOND; api.clock.now += 30 * SECOND)
    await api.heartbeat(token, { ...RUN, ...fields })
  api.clock.now = START + seconds * SECOND
}

async function deliver(api: TestApi, token: string, sequence: number): Promise<void> {
  const timestamp = new Date(api.clock.now).toISOString()
  await api.send(token, reportOf({ entities: [entityOf('c1')] }, { sequence, timestamp }))
}

describe('the data of an agent', () => {
  test('is pending, flows with the first report, stalls with heartbeats alone, and flows again', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token, RUN)
    expect(await dataOf(api)).toEqual({ status: 'pending', report_interval_seconds: 15 })
    await deliver(api, token, 0)
    expect(await dataOf(api)).toEqual({ status: 'flowing', report_interval_seconds: 15, last_delivery_at: at(0) })
    await heartbeatsUntil(api, token, 45)
    expect((await dataOf(api)).status).toBe('flowing')
    await heartbeatsUntil(api, token, 46)
    expect(await dataOf(api)).toMatchObject({ status: 'stalled', since: at(0), reason: expect.stringContaining('log') })
    expect((await api.admin(AGENT_URL)).json()).toMatchObject({ connectivity: 'online', health: { status: 'healthy' } })
    await deliver(api, token, 1)
    expect(await dataOf(api)).toMatchObject({ status: 'flowing', last_delivery_at: at(46) })
  })

  test('stalls without any report, and is pending again after a restart or an outage', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeatsUntil(api, token, 46)
    expect(await dataOf(api)).toMatchObject({ status: 'stalled', since: at(0) })
    await api.heartbeat(token, { ...RUN, started_at: at(46) })
    expect((await dataOf(api)).status).toBe('pending')
    await deliver(api, token, 0)
    api.clock.now += 91 * SECOND
    expect(await dataOf(api)).toMatchObject({ status: 'unknown', last_delivery_at: at(46) })
    await api.heartbeat(token, { ...RUN, started_at: at(46) })
    expect((await dataOf(api)).status).toBe('pending')
  })

  test('is measured by the interval that the agent announces, and with patience without one', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeatsUntil(api, token, 1200, { report_interval_seconds: 600 })
    expect((await dataOf(api)).status).toBe('pending')
    await heartbeatsUntil(api, token, 1801, { report_interval_seconds: 600 })
    expect((await dataOf(api)).status).toBe('stalled')

    const other = await startApi()
    const old = await other.provision()
    await heartbeatsUntil(other, old, 900, { report_interval_seconds: undefined })
    expect(await dataOf(other)).toEqual({ status: 'pending' })
    await heartbeatsUntil(other, old, 901, { report_interval_seconds: undefined })
    expect((await dataOf(other)).status).toBe('stalled')
  })

  test('is stalled with the reason that heartbeats give', async () => {
    const api = await startApi()
    const token = await api.provision()
    await heartbeatsUntil(api, token, 60, { outbox: { reports: 7, bytes: 900, dropped: 0 } })
    expect((await dataOf(api)).reason).toContain('holds 7 undelivered reports')
    await api.heartbeat(token, { ...RUN, collectors: { connect: { ok: false, error: 'no engine answers' } } })
    expect((await dataOf(api)).reason).toContain('no engine answers')
  })

  test('holds only gaps when everything fails, unlike when nothing arrives', async () => {
    const api = await startApi()
    const token = await api.provision()
    const failing = { ok: false, error: 'the socket was closed' }
    const gaps = [{ scope: 'collector:containers', reason: 'the socket was closed', since: at(0) }]
    await api.heartbeat(token, { ...RUN, collectors: { containers: failing, images: failing } })
    await api.send(token, reportOf({ gaps }))
    expect(await dataOf(api)).toMatchObject({ status: 'gaps_only' })
    expect((await api.admin(AGENT_URL)).json().health.status).toBe('degraded')
    const quoting = { ok: false, error: 'answered {"ok":true}' }
    await api.heartbeat(token, { ...RUN, collectors: { containers: quoting } })
    expect(await dataOf(api)).toMatchObject({ status: 'gaps_only' })
    expect((await api.admin('/metrics')).body).toContain('rca_api_agents{data="gaps_only"} 1')
    await api.heartbeat(token, { ...RUN, collectors: { containers: failing, images: { ok: true } } })
    expect(await dataOf(api)).toMatchObject({ status: 'flowing' })
  })

  test('flows while late reports of a backlog arrive, and not with duplicates', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.heartbeat(token, RUN)
    const first = reportOf({ entities: [entityOf('c1')] }, { sequence: 0, timestamp: at(-600) })
    await api.send(token, first)
    expect((await dataOf(api)).status).toBe('flowing')
    await heartbeatsUntil(api, token, 46)
    await api.send(token, first)
    expect((await dataOf(api)).status).toBe('stalled')
    await api.send(token, reportOf({}, { sequence: 1, timestamp: at(-500) }))
    expect((await dataOf(api)).status).toBe('flowing')
  })

  test('is counted for Prometheus, and unknown while nothing calls', async () => {
    const api = await startApi()
    const token = await api.provision()
    expect((await api.admin('/api/v1/agents')).json().agents[0].data).toEqual({ status: 'unknown' })
    await heartbeatsUntil(api, token, 60)
    expect((await api.admin('/metrics')).body).toContain('rca_api_agents{data="stalled"} 1')
    api.clock.now += 1000 * SECOND
    expect((await api.admin('/metrics')).body).toContain('rca_api_agents{data="stalled"} 0')
    expect((await dataOf(api)).status).toBe('unknown')
  })
})
