import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from '@rca/api'
import ky, { type KyInstance } from 'ky'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually, type Program, startProgram } from './processes.ts'

const bin = new URL('../../../node_modules/.bin', import.meta.url).pathname

const DAY_MS = 86_400_000

interface Agent {
  readonly agent_id: string
  readonly connectivity: string
  readonly enrolled?: boolean
  readonly key_expires_at?: string
  readonly last_heartbeat_at?: string
  readonly revoked_at?: string
  readonly cloned?: { readonly instances: readonly string[] }
}

/** End to end: the agent as a process of its own, and an API whose clock the test moves. */
describe('an agent that enrols', () => {
  let directory = ''
  let api: Api
  let url = ''
  let admin: KyInstance
  let aheadMs = 0
  let token = ''
  const programs: Program[] = []

  const stateOf = (name: string): string => join(directory, name)
  const startAgent = (state: string, agentToken: string = token): Program => {
    const env = {
      PLATFORM_API_URL: url,
      AGENT_TOKEN: agentToken,
      AGENT_TYPE: 'server',
      COLLECT_INTERVAL: '1s',
      RCA_STATE_DIR: stateOf(state),
      RCA_HEALTH_SOCKET: join(directory, `${state}.sock`),
    }
    const program = startProgram(join(bin, 'rca-agent'), [], { cwd: directory, env })
    programs.push(program)
    return program
  }
  const readAgent = async (): Promise<Agent | undefined> =>
    (await admin.get('api/v1/agents', { searchParams: { environment: 'prod' } }).json<{ agents: Agent[] }>()).agents[0]
  /** Waits for a heartbeat from now on that fulfils the condition. */
  const heartbeat = (what: string, condition: (agent: Agent) => boolean): Promise<Agent> => {
    const from = Date.now() + aheadMs
    return eventually(what, async () => {
      const agent = await readAgent()
      return Date.parse(agent?.last_heartbeat_at ?? '') >= from && condition(agent as Agent) && agent
    })
  }
  const savedKey = async (state: string): Promise<string> => {
    const folder = join(stateOf(state), 'server')
    const name = (await readdir(folder)).find((file) => file.startsWith('key-')) ?? ''
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    return (JSON.parse(await readFile(join(folder, name), 'utf8')) as { agent_key: string }).agent_key
  }
  const provision = async (config: Readonly<Record<string, unknown>>): Promise<string> => {
    const json = { agent_type: 'server', environment_name: 'prod', config }
    return (await admin.post('api/v1/agent/provision', { json }).json<{ agent_token: string }>()).agent_token
  }
  const statusWith = async (bearer: string, agentId: string): Promise<number> => {
    const headers = { authorization: `Bearer ${bearer}` }
    return (await fetch(`${url}/api/v1/agent/access?agent_id=${agentId}&agent_type=server`, { headers })).status
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rca-enrolment-'))
    api = await createApi({
      port: 0,
      databaseUrl: `sqlite:${join(directory, 'rca.sqlite')}`,
      heartbeatInterval: '1s',
      maxEventLoopDelayMs: 0,
      now: () => Date.now() + aheadMs,
    })
    url = await api.listen()
    admin = ky.create({ prefix: url, headers: { authorization: `Bearer ${api.adminToken}` }, retry: 0 })
    token = await provision({ token_ttl: '1h', token_uses: 1 })
  })
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.stop()))
  })
  afterAll(async () => {
    await api?.close()
    await rm(directory, { recursive: true, force: true })
  })

  test('works with its key after the token expired, replaces it, and is revoked and let in again', async () => {
    const first = startAgent('state')
    const { agent_id: agentId } = await heartbeat('the enrolment', ({ enrolled }) => enrolled === true)
    const key = await savedKey('state')
    expect(await statusWith(token, '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33')).toBe(401)
    await first.stop()

    aheadMs += DAY_MS
    const second = startAgent('state')
    await heartbeat('a heartbeat with the saved key', ({ enrolled }) => enrolled === true)
    expect(await savedKey('state')).toBe(key)

    aheadMs += 25 * DAY_MS
    const replaced = await eventually('another key', async () => {
      const saved = await savedKey('state')
      return saved !== key && saved
    })
    await heartbeat('a heartbeat with the new key', ({ enrolled }) => enrolled === true)
    expect([await statusWith(key, agentId), await statusWith(replaced, agentId)]).toEqual([401, 200])
    expect(second.stderr()).not.toContain('refused')

    await admin.post(`api/v1/agents/${agentId}/revoke`)
    await eventually('the agent logging the reason', () =>
      /key refused.*This agent was revoked|This agent was revoked.*key refused/.test(second.stderr()),
    )
    expect(await readAgent()).toHaveProperty('revoked_at')
    await second.stop()

    aheadMs += 1000
    const next = await provision({})
    const third = startAgent('state', next)
    const again = await heartbeat('the enrolment with a new token', ({ enrolled }) => enrolled === true)
    expect(again).toMatchObject({ agent_id: agentId })
    expect(again).not.toHaveProperty('revoked_at')
    await third.stop()
    for (const { stderr } of [first, second, third])
      for (const secret of [token, next, key, replaced, await savedKey('state')]) expect(stderr()).not.toContain(secret)
  })

  test('is reported with its clone', async () => {
    const newToken = await provision({})
    const original = startAgent('original', newToken)
    await heartbeat('the enrolment', ({ enrolled }) => enrolled === true)
    await original.stop()
    await cp(stateOf('original'), stateOf('clone'), { recursive: true })
    const both = [startAgent('original', newToken), startAgent('clone', newToken)]
    await eventually('both processes logging the warning', () =>
      both.every((program) => program.stderr().includes('the platform warns')),
    )
    expect((await readAgent())?.cloned?.instances).toHaveLength(2)
  })
})
