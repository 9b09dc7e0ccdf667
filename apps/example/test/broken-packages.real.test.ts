import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from '@rca/api'
import { checks, runChecks } from '@rca/connector-testkit'
import { type Agent, discoverConnectors, type Registry, silentLogger } from '@rca/core'
import ky, { type KyInstance } from 'ky'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkedPackages } from './broken-packages/checked.ts'
import { collectingPackages } from './broken-packages/collecting.ts'
import { endingPackages } from './broken-packages/ending.ts'
import { installedPackages } from './broken-packages/installed.ts'
import { installPackages } from './broken-packages/package-files.ts'
import { type Program, startProgram } from './processes.ts'

interface Health {
  readonly status: string
  readonly collectors: Readonly<Record<string, { readonly ok: boolean }>>
  readonly gaps: readonly { readonly scope: string; readonly reason: string }[]
}

interface AgentAnswer {
  readonly agent_id: string | null
  readonly environment: string
  readonly agent_type: string
  readonly connectivity: string
  readonly health: Health
}

const AGENT = join(import.meta.dirname, '../../agent/src/main.ts')

const installed = installPackages({ good: {}, ...installedPackages })
const runnable = installPackages({ good: {}, ...collectingPackages, ...endingPackages, ...checkedPackages })
const agents = new Map<string, Agent>()
const programs = new Map<string, Program>()
let directory = ''
let registry: Registry
/** Runs the code of the installed packages in threads. */
let installing: Platform
/** The platform of all agents. It only asks the packages for commands, which costs no thread. */
let running: Platform

interface Platform {
  readonly api: Api
  readonly url: string
  readonly http: KyInstance
}

async function startPlatform(name: string, used: Registry): Promise<Platform> {
  const api = await createApi({
    registry: used,
    port: 0,
    databaseUrl: `sqlite:${join(directory, `${name}.sqlite`)}`,
    heartbeatInterval: '1s',
    // Load of the machine must not fail a test.
    maxEventLoopDelayMs: 0,
  })
  const url = await api.listen()
  const headers = { authorization: `Bearer ${api.adminToken}` }
  return { api, url, http: ky.create({ prefix: url, headers, retry: 0, timeout: 100_000 }) }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rca-broken-'))
  installing = await startPlatform('installing', await discoverConnectors({ from: join(installed.folder, 'main.js') }))
  registry = await discoverConnectors({ from: join(runnable.folder, 'main.js') })
  const { searched, ...unsearched } = registry
  running = await startPlatform('running', unsearched)
  await startAgent('good')
})

afterAll(async () => {
  await Promise.all([...programs.values()].map((program) => program.stop('SIGKILL')))
  await Promise.all([...agents.values()].map((agent) => agent.stop({ timeout: '1s' })))
  await installing?.api.close()
  await running?.api.close()
  installed.remove()
  runnable.remove()
  await rm(directory, { recursive: true, force: true })
})

async function provision(
  type: string,
  { http } = installing,
): Promise<{ status: number; body: { agent_token: string } }> {
  const json = { agent_type: type, environment_name: type.replace('/', '-') }
  const response = await http.post('api/v1/agent/provision', { json, throwHttpErrors: false })
  return { status: response.status, body: await response.json() }
}

async function tokenOf(name: string): Promise<string> {
  return (await provision(`acme/${name}`, running)).body.agent_token
}

async function startProcess(name: string): Promise<Program> {
  const token = await tokenOf(name)
  return startProgram(process.execPath, ['--conditions=@rca/source', AGENT], {
    cwd: directory,
    env: {
      RCA_CONNECTORS: runnable.folder,
      RCA_STATE_DIR: join(directory, name),
      RCA_HEALTH_PORT: 'off',
      PLATFORM_API_URL: running.url,
      AGENT_TOKEN: token,
      AGENT_TYPE: `acme/${name}`,
      COLLECT_INTERVAL: '1s',
      LOG_LEVEL: 'debug',
    },
  })
}

/** Returns what the platform knows about the agent of a package. */
async function agentOf(name: string): Promise<AgentAnswer | undefined> {
  const searchParams = { environment: `acme-${name}` }
  const { agents: found } = await running.http.get('api/v1/agents', { searchParams }).json<{ agents: AgentAnswer[] }>()
  return found.find(({ agent_id }) => agent_id !== null)
}

async function startAgent(name: string, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const agent = await registry.createAgent({
    agentType: `acme/${name}`,
    platformUrl: running.url,
    agentToken: await tokenOf(name),
    config: { collect_interval: '500ms', ...options },
    logger: silentLogger,
  })
  agents.set(name, agent)
  void agent.start()
}

const gapsOf = (agent: AgentAnswer | undefined): Record<string, string> =>
  Object.fromEntries((agent?.health.gaps ?? []).map(({ scope, reason }) => [scope, reason]))

describe('a package that is broken when it is installed', () => {
  test.each(Object.entries(installedPackages))('%s is named, and costs no other type', async (name, expected) => {
    const { deploys, warning, problem, type = `acme/${name}` } = expected
    if (deploys !== undefined) {
      const { status, body } = await provision(type)
      expect([status, JSON.stringify(body)]).toEqual([deploys[0], expect.stringMatching(deploys[1])])
    }
    const { warnings, problems } = await discoverConnectors({ from: join(installed.folder, 'main.js') })
    const refused = problems.filter((one) => one.package === `rca-${name}`).map(({ message }) => message)
    if (problem !== undefined) expect(refused).toEqual([expect.stringMatching(problem)])
    const own = warnings.filter((one) => one.package === `rca-${name}`).map(({ message }) => message)
    expect(own).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
    expect((await provision('acme/good')).status).toBe(201)
  })

  test('is left out of the list of types, beside which the others are listed', async () => {
    const { types } = await installing.http.get('api/v1/agent/types').json<{ types: string[] }>()
    const usable = Object.entries(installedPackages).flatMap(([name, { deploys }]) =>
      deploys?.[0] === 500 && !name.startsWith('deploy-') ? [] : [`acme/${name}`],
    )
    expect(types).toContain('acme/good')
    expect(types.filter((type) => !usable.includes(type) && type !== 'acme/good' && type !== 'queues')).toEqual([])
  })
})

describe('a package that is broken when it is run', () => {
  beforeAll(async () => {
    for (const [name, { options }] of Object.entries(collectingPackages)) await startAgent(name, options)
  })
  test.each(Object.entries(collectingPackages))('%s is reported by its agent', async (name, expected) => {
    const { gaps = {}, statuses = {}, isOffline = false, host, secret } = expected
    await expect.poll(() => agentOf(name)).toMatchObject({ health: { collectors: statuses } })
    const wanted = Object.fromEntries(
      Object.entries(gaps).map(([scope, reason]) => [scope, expect.stringMatching(reason)]),
    )
    await expect.poll(async () => gapsOf(await agentOf(name))).toEqual(wanted)
    const agent = await agentOf(name)
    if (!isOffline) await expect.poll(() => pointsOf(agent?.agent_id)).toBeGreaterThan(0)
    if (host !== undefined) await expect.poll(() => hostsOf(agent?.agent_id)).toContain(host)
    if (secret !== undefined) expect(JSON.stringify(agent)).not.toContain(secret)
  })

  test('costs no other agent anything', async () => {
    const healthy = { connectivity: 'online', health: { collectors: { good: { ok: true } }, gaps: [] } }
    await expect.poll(() => agentOf('good')).toMatchObject(healthy)
    const good = await agentOf('good')
    const before = await pointsOf(good?.agent_id)
    await expect.poll(() => pointsOf(good?.agent_id)).toBeGreaterThan(before)
  })

  test('does not keep its agent from stopping', async () => {
    const others = [...agents].filter(([name]) => name !== 'good').map(([, agent]) => agent)
    await Promise.all(others.map((agent) => agent.stop({ timeout: '1s' })))
    expect(others.filter((agent) => agent.status().state !== 'stopped')).toEqual([])
  })
})

/** Returns the ids of the hosts that an agent has reported. */
async function hostsOf(agentId: string | null | undefined): Promise<string[]> {
  const searchParams = { type: 'acme.host' }
  const { entities } = await running.http
    .get(`api/v1/agents/${agentId}/entities`, { searchParams })
    .json<{ entities: { id: string }[] }>()
  return entities.map(({ id }) => id)
}

/** Returns the last value of the good collector, which counts its runs. */
async function pointsOf(agentId: string | null | undefined): Promise<number> {
  const { series } = await running.http
    .get(`api/v1/agents/${agentId}/metrics`)
    .json<{ series: { name: string; last?: { value: number } }[] }>()
  return Math.max(0, ...series.map(({ name, last }) => (name === 'acme.load' ? (last?.value ?? 0) : 0)))
}

describe('a package that ends or blocks its process', () => {
  beforeAll(async () => {
    for (const name of Object.keys(endingPackages)) programs.set(name, await startProcess(name))
  })
  test.each(Object.entries(endingPackages))('%s is named by its agent', async (name, expected) => {
    const { exitCode, line, lastLine, crash, gap } = expected
    const program = programs.get(name)
    if (exitCode !== undefined) {
      expect(await program?.ended).toBe(exitCode)
      programs.set(name, await startProcess(name))
    }
    if (line !== undefined)
      await expect
        .poll(() => linesOf(program?.stderr() ?? ''))
        .toContainEqual(
          expect.objectContaining({ level: 'error', stack: expect.stringContaining(`rca-${name}`), ...line }),
        )
    if (gap !== undefined) {
      const [scope, reason] = gap
      await expect
        .poll(async () => gapsOf(await agentOf(name)))
        .toMatchObject({ [scope]: expect.stringMatching(reason) })
    }
    if (crash !== undefined) {
      await expect.poll(() => crashesOf(name)).toEqual([expect.stringMatching(crash)])
      await expect.poll(async () => pointsOf((await agentOf(name))?.agent_id)).toBeGreaterThan(0)
    }
    if (lastLine !== undefined) {
      await expect.poll(async () => pointsOf((await agentOf(name))?.agent_id)).toBeGreaterThan(0)
      await program?.stop('SIGTERM')
      const lines = linesOf(program?.stderr() ?? '')
      expect(lines).toContainEqual(expect.objectContaining({ level: 'debug', ...lastLine }))
    }
    await programs.get(name)?.stop('SIGKILL')
  })
})

function linesOf(text: string): object[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as object] : []))
}

async function crashesOf(name: string): Promise<string[]> {
  const { events } = await running.http
    .get('api/v1/events', { searchParams: { environment: `acme-${name}` } })
    .json<{ events: { name: string; body: string }[] }>()
  return events.flatMap((event) => (event.name === 'agent.crashed' ? [event.body] : []))
}

test.each(Object.entries(checkedPackages))('the kit finds what is wrong with %s', async (name, { check }) => {
  const connector = await registry.connector(`acme/${name}`)
  const packageFolder = join(runnable.folder, 'node_modules', `rca-${name}`)
  const all = checks(connector, { scenarios: [{}], packageFolder, nodeArguments: ['--conditions=@rca/source'] })
  const [result] = await runChecks(all.filter(({ id }) => id === check))
  expect(result).toMatchObject({ id: check, status: expect.stringMatching(/failed|warned/) })
})
