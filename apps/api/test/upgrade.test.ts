import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agentIdOf, containersOf, DAY, entityOf, reportOf, startApi, type TestApi } from './kit.ts'

/** The agent in the database: a version without elections and parts, which had delivered its report 3. */
const writer = { agent_id: '322f38e3-02f0-53ee-ada8-8f2ff75a4caa', agent_type: 'docker' }
const agentUrl = `/api/v1/agents/${writer.agent_id}`
const NOW = Date.parse('2026-11-25T04:14:00Z')
const gap = { scope: 'g', reason: 'r', since: '2026-11-25T04:13:49.009Z' }

/**
 * Starts an API with a database of the first schema: captured, with fewer points, and types renamed.
 *
 * @param change statements that change the database before it is migrated
 */
async function startUpgraded(change = ''): Promise<{ api: TestApi; token: string; path: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'old.sqlite')
  const database = new DatabaseSync(path)
  database.exec(readFileSync(join(import.meta.dirname, 'fixtures/first-schema.sql'), 'utf8'))
  database.exec(change)
  database.close()
  const api = await startApi({ databaseUrl: `sqlite:${path}` })
  api.clock.now = NOW
  return { api, token: await api.provision(), path }
}

const containerIds = async (api: TestApi): Promise<string> => (await containersOf(api, agentUrl)).join(' ')

describe('an upgraded database', () => {
  test('lets new agents join with a token of the earlier version for ever', async () => {
    const { api, path } = await startUpgraded()
    const token = 'agent_prod-cluster-1_of-the-earlier-version'
    const database = new DatabaseSync(path)
    database.prepare('update tokens set hash = ? where id = 1').run(createHash('sha256').update(token).digest('hex'))
    database.close()
    api.clock.now = NOW + 400 * DAY
    for (const name of ['first', 'second']) {
      const agent_id = agentIdOf(name)
      expect((await api.heartbeat(token, { agent_id })).statusCode).toBe(200)
      expect((await api.send(token, reportOf({}, { agent_id }))).statusCode).toBe(202)
      expect((await api.enroll(token, { agent_id })).statusCode).toBe(201)
    }
    const { tokens } = (await api.admin('/api/v1/environments/prod-cluster-1')).json()
    expect(tokens.at(-1)).toMatchObject({ state: 'valid' })
    expect(tokens.at(-1)).not.toHaveProperty('joinable_until')
  })

  test('stores access tokens', async () => {
    const { api } = await startUpgraded()
    const token = await api.createToken(['read'], ['prod-cluster-1'])
    expect((await api.agent(token, { url: agentUrl })).statusCode).toBe(200)
  })

  test('shows data of the earlier version', async () => {
    const { api } = await startUpgraded()
    expect((await api.admin(agentUrl)).json()).toMatchObject({
      connectivity: 'offline',
      last_report_at: '2026-11-25T04:13:50.509Z',
    })
    expect(await containerIds(api)).toBe('a b c')
    expect((await api.admin('/api/v1/events')).json().events).toMatchObject([{ id: 'e-agent1' }])
    expect((await api.admin(`${agentUrl}/gaps`)).json().gaps).toMatchObject([{ open: true }])
  })

  test('finds events of the earlier version by relation, label and namespace', async () => {
    const { api } = await startUpgraded(`
      update entities set attributes = '{"container.label.app":"web","note":"x"}',
        relations = '[{"type":"mounts","target":{"type":"volume","id":"v"}}]' where id = 'b';
      insert into events (agent_key, event_id, name, at, severity, entity_type, entity_id, body, attributes)
        values (1, 'v1', 'volume.created', 1795580029009, 0, 'volume', 'v', 'x', '{"k8s.namespace.name":"shop"}')`)
    const idsOf = async (query: string): Promise<string[]> =>
      (await api.admin(`/api/v1/events?${query}`)).json().events.map(({ id }: { id: string }) => id)
    expect(await idsOf('entity_type=container&entity_id=b&related=true')).toEqual(['v1'])
    expect(await idsOf('label=app=web&related=true')).toEqual(['v1'])
    expect(await idsOf('namespace=shop')).toEqual(['v1'])
    expect(await idsOf('entity_type=container&entity_id=a&related=true')).toEqual(['e-agent1'])
  })

  test('stays unchanged when the migration fails', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rca-api-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'old.sqlite')
    const read = (): unknown[] => {
      const database = new DatabaseSync(path)
      const rows = database.prepare('select name, sql from sqlite_schema order by name').all()
      database.close()
      return rows
    }
    const database = new DatabaseSync(path)
    database.exec(readFileSync(join(import.meta.dirname, 'fixtures/first-schema.sql'), 'utf8'))
    // The last of the migrations cannot read it.
    database.exec(`update entities set relations = 'damaged' where id = 'b'`)
    database.close()
    const before = read()
    await expect(startApi({ databaseUrl: `sqlite:${path}` })).rejects.toThrow('could not be migrated')
    expect(read()).toEqual(before)
  })

  test('accepts heartbeats and reports of an agent of the earlier version', async () => {
    const { api, token } = await startUpgraded()
    const heartbeat = { ...writer, started_at: '2026-11-25T04:13:48.999Z' }
    expect((await api.heartbeat(token, heartbeat)).statusCode).toBe(200)
    const timestamp = new Date(NOW).toISOString()
    const changed = { entities: [entityOf('b', { deleted: true }), entityOf('d')], gaps: [gap] }
    expect((await api.send(token, reportOf(changed, { ...writer, timestamp, sequence: 4 }))).json()).toEqual({
      accepted: 1,
      duplicates: 0,
    })
    expect(await containerIds(api)).toBe('a -b c d')
    const late = reportOf({ entities: [entityOf('b')] }, { ...writer, timestamp, sequence: 3 })
    await api.send(token, { ...late, report_id: '01a210e8-ee2e-7284-b35f-918a73ccdfd6' })
    expect(await containerIds(api)).toBe('a -b c d')
    await api.send(
      token,
      reportOf({ entities: [entityOf('a')] }, { ...writer, timestamp, sequence: 0, snapshot: true }),
    )
    expect(await containerIds(api)).toBe('a -b -c -d')
    const agent = (await api.admin(agentUrl)).json()
    expect(agent).toMatchObject({ connectivity: 'online', health: { status: 'healthy', gaps: [] } })
    expect(agent).not.toHaveProperty('instances')
  })
})
