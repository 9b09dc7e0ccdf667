import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { entityOf, heartbeatOf, reportOf, startApi, type TestApi } from './start-api.ts'

/** Who wrote to the database: an agent that knows nothing of elections and parts, and had delivered its report 3. */
const writer = { agent_id: '322f38e3-02f0-53ee-ada8-8f2ff75a4caa', agent_type: 'kiln' }
const NOW = Date.parse('2026-11-25T04:14:00Z')
const gap = { scope: 'g', reason: 'r', since: '2026-11-25T04:13:49.009Z' }

/** An API over a database that the first version of the schema was written into: captured, with fewer points. */
async function upgraded(): Promise<{ api: TestApi; token: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'old.sqlite')
  const database = new DatabaseSync(path)
  database.exec(readFileSync(join(import.meta.dirname, 'fixtures/first-schema.sql'), 'utf8'))
  database.close()
  const api = await startApi({ databaseUrl: `sqlite:${path}`, now: () => NOW })
  return { api, token: await api.provision() }
}

async function hearths(api: TestApi): Promise<string> {
  const url = `/api/v1/agents/${writer.agent_id}/entities?type=hearth&include_deleted=true`
  const { entities } = (await api.admin(url)).json()
  return entities.map(({ id, deleted_at: at }: { id: string; deleted_at?: string }) => (at ? `-${id}` : id)).join(' ')
}

it('shows what an earlier version has stored', async () => {
  const { api } = await upgraded()
  expect((await api.admin(`/api/v1/agents/${writer.agent_id}`)).json()).toMatchObject({
    connectivity: 'offline',
    last_report_at: '2026-11-25T04:13:50.509Z',
  })
  expect(await hearths(api)).toBe('a b c')
  expect((await api.admin('/api/v1/events')).json().events).toMatchObject([{ id: 'e-agent1' }])
  expect((await api.admin(`/api/v1/agents/${writer.agent_id}/gaps`)).json().gaps).toMatchObject([{ open: true }])
})

it('goes on with what an agent of that version says', async () => {
  const { api, token } = await upgraded()
  const heartbeat = heartbeatOf({ ...writer, started_at: '2026-11-25T04:13:48.999Z' })
  const beat = { method: 'POST', url: '/api/v1/agent/heartbeat', payload: heartbeat } as const
  expect((await api.agent(token, beat)).statusCode).toBe(200)
  const timestamp = new Date(NOW).toISOString()
  const changed = { entities: [entityOf('b', { deleted: true }), entityOf('d')], gaps: [gap] }
  expect((await api.send(token, reportOf(changed, { ...writer, timestamp, sequence: 4 }))).json()).toEqual({
    accepted: 1,
    duplicates: 0,
  })
  expect(await hearths(api)).toBe('a -b c d')
  const late = reportOf({ entities: [entityOf('b')] }, { ...writer, timestamp, sequence: 3 })
  await api.send(token, { ...late, report_id: '01a210e8-ee2e-7284-b35f-918a73ccdfd6' })
  expect(await hearths(api)).toBe('a -b c d')
  await api.send(token, reportOf({ entities: [entityOf('a')] }, { ...writer, timestamp, sequence: 0, snapshot: true }))
  expect(await hearths(api)).toBe('a -b -c -d')
  const agent = (await api.admin(`/api/v1/agents/${writer.agent_id}`)).json()
  expect(agent).toMatchObject({ connectivity: 'online', health: { status: 'healthy', gaps: [] } })
  expect(agent).not.toHaveProperty('instances')
})
