import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentAnswer, EntityAnswer } from '../src/platform.ts'
import { type PlatformProcess, type Provisioned, provisionByCurl, startPlatformProcess } from './platform-process.ts'
import { eventually, type Program, startProgram } from './processes.ts'

const bin = new URL('../../../node_modules/.bin', import.meta.url).pathname

interface Points {
  readonly entity: { readonly type: string; readonly id: string }
  readonly attributes: Readonly<Record<string, unknown>>
  readonly points: readonly { readonly at: string; readonly value: number }[]
}

/** Without curl, the test provisions over its own HTTP client, unless real programs are required. */
const hasCurl = process.env.RCA_REQUIRE_REAL === '1' || spawnSync('curl', ['--version']).status === 0

/** Node option that prints the name of each event to which the process begins to listen, such as SIGTERM. */
const PRINT_LISTENERS = `--import=data:text/javascript,process.on('newListener',(name)=>queueMicrotask(()=>console.log(name)))`

/** End to end with real processes: API, curl, agent, this machine. */
describe('a server agent', () => {
  let directory = ''
  let platform: PlatformProcess
  let agent: Program
  let url = ''

  const findAgent = async (environment: string): Promise<AgentAnswer | undefined> => {
    const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment })
    return agents[0]
  }
  const provision = (environment: string): Promise<Provisioned> => {
    const request = { agent_type: 'server', environment_name: environment, config: { log_level: 'debug' } }
    return hasCurl ? provisionByCurl(platform, request) : platform.provision(request)
  }
  const startAgent = (token: string, more: Readonly<Record<string, string>> = {}): Program =>
    startProgram(join(bin, 'rca-agent'), [], {
      cwd: directory,
      env: {
        PLATFORM_API_URL: url,
        AGENT_TOKEN: token,
        AGENT_TYPE: 'server',
        COLLECT_INTERVAL: '1s',
        RCA_HEALTH_PORT: 'off',
        ...more,
      },
    })

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rca-fleet-'))
    platform = await startPlatformProcess(directory)
    url = platform.url
  })
  afterAll(async () => {
    await agent?.stop()
    await platform?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  test('reports metrics and entities to the API that provisioned it', async () => {
    const { agent_token: token, deployment_command: command } = await provision('prod-1')
    expect(token).toMatch(/^agent_prod-1_[A-Za-z0-9_-]{43}$/)
    expect(command).toContain(token)
    expect(command).toContain('log_level=debug')
    expect(await findAgent('prod-1')).toMatchObject({ agent_id: null, connectivity: 'pending' })

    agent = startAgent(token)
    const online = await eventually('the agent coming online', async () => {
      const found = await findAgent('prod-1')
      return found?.connectivity === 'online' && Object.hasOwn(found.health.collectors, 'cpu') && found
    })
    expect(online).toMatchObject({ name: hostname(), agent_type: 'server' })
    expect(online.health.collectors.cpu).toMatchObject({ ok: true })

    const total = await eventually('three points of utilization', async () => {
      const query = { environment: 'prod-1', name: 'system.cpu.utilization', step: '1s' }
      const { series } = await platform.get<{ series: Points[] }>('metrics', query)
      const whole = series.find(({ attributes }) => Object.keys(attributes).length === 0)
      return whole !== undefined && whole.points.length >= 3 && whole
    })
    for (const { value } of total.points) expect(value).toSatisfy((share: number) => share >= 0 && share <= 1)

    const { entities } = await platform.get<{ entities: EntityAnswer[] }>(`agents/${online.agent_id}/entities`)
    expect(entities).toContainEqual(expect.objectContaining({ type: 'host', name: hostname() }))
    expect(entities.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['rca.agent', 'filesystem', 'network.interface']),
    )
  })

  test('exits with 0 on SIGTERM, and is offline after three missed heartbeats', async () => {
    expect(await agent.stop('SIGTERM')).toBe(0)
    expect(agent.stderr()).toContain('"stopped"')
    await eventually('the agent going offline', async () => (await findAgent('prod-1'))?.connectivity === 'offline')
  })

  test('keeps its identity when it is deployed again', async () => {
    const before = await findAgent('prod-1')
    const { agent_token: token } = await provision('prod-1')
    agent = startAgent(token)
    await eventually('the agent coming back', async () => (await findAgent('prod-1'))?.connectivity === 'online')
    const { agents } = await platform.get<{ agents: AgentAnswer[] }>('agents', { environment: 'prod-1' })
    expect(agents.map(({ agent_id: id }) => id)).toEqual([before?.agent_id])
    await agent.stop()
  })

  test('logs once that its token was revoked, retries less often, and keeps running', async () => {
    const { agent_token: token } = await provision('revoked-1')
    agent = startAgent(token)
    await eventually('the agent coming online', async () => (await findAgent('revoked-1'))?.connectivity === 'online')
    await platform.http.post('api/v1/environments/revoked-1/token/revoke')

    await eventually('the agent logging the refusal', () => agent.stderr().includes('answered 401'))
    // Several collection cycles and heartbeats later, the error is still logged only once.
    await eventually('the agent going offline', async () => (await findAgent('revoked-1'))?.connectivity === 'offline')
    const errors = agent
      .stderr()
      .split('\n')
      .filter((line) => line.includes('"level":"error"'))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/401.*give it a valid token/)
    expect(agent.hasEnded()).toBe(false)
    expect(agent.stderr()).not.toContain(token)
    expect(await agent.stop()).toBe(0)
  })

  test('exits with 0 on SIGTERM while it loads, and when its state cannot be saved', async () => {
    const { agent_token: token } = await provision('stopped-1')
    for (const [wait, env] of [
      [0, {}],
      [250, {}],
      [1_500, { RCA_STATE_DIR: '/proc/rca-nowhere' }],
    ] as const) {
      const program = startAgent(token, { ...env, NODE_OPTIONS: PRINT_LISTENERS })
      await eventually('the agent listening to SIGTERM', () => program.stdout().includes('SIGTERM'))
      await sleep(wait)
      await Promise.all([program.stop('SIGTERM'), program.stop('SIGTERM')])
      expect([await program.ended, program.stderr()]).toEqual([0, expect.any(String)])
    }
  })

  test('exits with 0 when SIGTERM is sent until it has exited', async () => {
    const { agent_token: token } = await provision('stopped-2')
    const program = startAgent(token, { NODE_OPTIONS: PRINT_LISTENERS })
    await eventually('the agent listening to SIGTERM', () => program.stdout().includes('SIGTERM'))
    expect(await program.stopImpatiently()).toBe(0)
  })

  test('has a doctor that prints what works and what to fix', async () => {
    const { agent_token: token } = await provision('doctor-1')
    const env = { PLATFORM_API_URL: url, AGENT_TYPE: 'server', RCA_STATE_DIR: join(directory, 'state') }
    const diagnose = async (more: Readonly<Record<string, string>>): Promise<{ code: unknown; text: string }> => {
      const program = startProgram(join(bin, 'rca-agent'), ['doctor'], { cwd: directory, env: { ...env, ...more } })
      // A finding may take several lines.
      return { code: await program.ended, text: program.stdout().replaceAll(/\n {22}/g, ' ') }
    }
    const healthy = await diagnose({ AGENT_TOKEN: token })
    // The doctor registers no agent.
    expect(await findAgent('doctor-1')).toMatchObject({ agent_id: null, connectivity: 'pending' })
    expect(healthy.text).toMatch(/ok\s+platform.*\nok\s+token/)
    expect(healthy.code).toBe(0)

    const refused = await diagnose({ AGENT_TOKEN: 'agent_doctor-1_wrong', COLECT_INTERVAL: '5s' })
    expect(refused.text).toMatch(/fail\s+token\s+.*401/)
    expect(refused.text).toContain('Did you mean COLLECT_INTERVAL?')
    expect(refused.code).toBe(3)

    const unreachable = await diagnose({ AGENT_TOKEN: token, PLATFORM_API_URL: 'http://127.0.0.1:9' })
    expect(unreachable.text).toMatch(/fail\s+platform\s+.*cannot be reached/)
    expect(unreachable.code).toBe(3)
    expect(healthy.text + refused.text + unreachable.text).not.toContain(token)
  })

  test('prints one report and the installed types without a platform', async () => {
    const report = startProgram(join(bin, 'rca-agent'), ['collect', '--type', 'server'], { cwd: directory })
    expect(await report.ended).toBe(0)
    expect(JSON.parse(report.stdout())).toMatchObject({ agent_type: 'server', data: { gaps: expect.any(Array) } })
    const types = startProgram(join(bin, 'rca-agent'), ['types'], { cwd: directory })
    expect(await types.ended).toBe(0)
    expect(types.stdout()).toContain('server\tInstall on Linux, macOS, or Windows server')
  })

  test('exits with 2 and prints one sentence when its environment is wrong', async () => {
    const cases: [Readonly<Record<string, string>>, RegExp][] = [
      [{}, /^PLATFORM_API_URL is not set\./],
      [{ PLATFORM_API_URL: url }, /^AGENT_TOKEN is not set\./],
      [{ PLATFORM_API_URL: url, AGENT_TOKEN: 'token' }, /^AGENT_TYPE is not set\..*server/],
      [{ PLATFORM_API_URL: url, AGENT_TOKEN: 'token', AGENT_TYPE: 'sever' }, /Did you mean `server`\?/],
      [
        { PLATFORM_API_URL: 'ftp://example.com', AGENT_TOKEN: 'token', AGENT_TYPE: 'server' },
        /^PLATFORM_API_URL \(`ftp:\/\/example\.com`\) has the scheme `ftp`/,
      ],
      [
        { PLATFORM_API_URL: url, AGENT_TOKEN: 'token', AGENT_TYPE: 'server', COLLECT_INTERVAL: 'soon' },
        /`collect_interval`.*15s/,
      ],
    ]
    for (const [env, message] of cases) {
      const program = startProgram(join(bin, 'rca-agent'), ['run'], { cwd: directory, env })
      expect(await program.ended).toBe(2)
      expect(program.stderr()).toMatch(message)
      expect(program.stderr()).not.toMatch(/\n\s+at /)
    }
  })
})
