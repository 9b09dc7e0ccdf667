import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { inShell, repository } from '../user-shell.ts'

/** Starts processes from sources, which a loaded machine compiles for a while. */
const TIMEOUT_MS = 300_000

const NODE = [process.execPath, '--conditions=@rca/source']

/** Prints what agents of a registry report and how they are deployed. Arguments: core's module, the host's package. */
const COLLECT = `
const [core, from] = process.argv.slice(1)
const { discoverConnectors, silentLogger } = await import(core)
const registry = await discoverConnectors({ from })
const commands = {}
for (const agentType of registry.listSupportedTypes()) {
  const options = { agentType, platformUrl: 'https://rca.example.com', agentToken: 'agent_shop_token', logger: silentLogger }
  const agent = await registry.createAgent(options)
  commands[agentType] = agent.getDeploymentCommand()
  if (agentType !== 'server') continue
  const { data } = await agent.collectMetrics()
  await agent.stop()
  commands.report = { metrics: data.metrics.map(({ name }) => name), gaps: data.gaps }
}
console.log(JSON.stringify({ commands, problems: registry.problems }))
process.exit()`

interface Collected {
  readonly commands: Readonly<Record<string, unknown>> & {
    readonly report: { readonly metrics: readonly string[]; readonly gaps: readonly { readonly reason: string }[] }
  }
  readonly problems: readonly object[]
}

/** Sources of a commit, with its libraries. */
interface Sources {
  readonly folder: string
  readonly connectors: readonly string[]
}

/** Returns the newest tag of a release. Before the first one, the commit that wrote the contract down. */
async function lastRelease(): Promise<string> {
  const git = (...words: string[]) => inShell(repository, 'git', words).then(({ stdout }) => stdout.trim())
  const tag = await git('describe', '--tags', '--abbrev=0', '--match', '@rca/core@*', 'HEAD^').catch(() => undefined)
  if (tag !== undefined) return tag
  return git('log', '-1', '--diff-filter=A', '--format=%H', '--', 'docs/contract.md')
}

/** Checks a commit out into a new folder, and installs its libraries. */
async function layOut(folder: string, commit: string): Promise<Sources> {
  await mkdir(folder)
  await inShell(repository, 'sh', ['-c', `git archive ${commit} | tar -x -C ${folder}`])
  const pnpm = join(repository, 'node_modules/.bin/pnpm')
  await inShell(folder, pnpm, ['install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'])
  const packages = await readdir(join(folder, 'packages'))
  return {
    folder,
    connectors: packages.filter((name) => existsSync(join(folder, 'packages', name, 'src/connector.ts'))),
  }
}

type Pair = () => readonly [Sources, Sources]

/** Creates a host with the connectors of one commit, which import the core of another. Returns its package.json. */
async function hostOf(folder: string, { connectors, ...from }: Sources, core: Sources): Promise<string> {
  await mkdir(join(folder, 'node_modules/@rca'), { recursive: true })
  for (const name of connectors) {
    const link = join(from.folder, 'packages', name, 'node_modules/@rca/core')
    await rm(link)
    await symlink(join(core.folder, 'packages/core'), link)
    await symlink(join(from.folder, 'packages', name), join(folder, 'node_modules/@rca', name))
  }
  const dependencies = Object.fromEntries(connectors.map((name) => [`@rca/${name}`, '*']))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies }))
  return join(folder, 'package.json')
}

function start(words: readonly string[], variables: Readonly<Record<string, string>>): ChildProcess {
  const [program = '', ...rest] = [...NODE, ...words]
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...variables }
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

let folder = ''
let now: Sources
let last: Sources

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rca-last-release-'))
  now = await layOut(join(folder, 'now'), 'HEAD')
  last = await layOut(join(folder, 'last'), await lastRelease())
}, TIMEOUT_MS)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs an agent with an API, and returns what the API stored about it. */
async function reportTo(api: Sources, agent: Sources) {
  const running = start([join(api.folder, 'apps/api/src/main.ts')], { PORT: '0', DATABASE_URL: 'sqlite::memory:' })
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(running.stdout as never).once('line', resolve)
    running.once('exit', (code) => reject(new Error(`the API ended with exit code ${code}`)))
  })
  const { url, admin_token } = JSON.parse(line) as { url: string; admin_token: string }
  const ask = async <Answer>(path: string, body?: object): Promise<Answer> => {
    const headers = { authorization: `Bearer ${admin_token}`, 'content-type': 'application/json' }
    const request = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${url}/api/v1/${path}`, request)
    expect(response.ok, `${response.status} for ${path}`).toBe(true)
    return (await response.json()) as Answer
  }
  const provisioned = { agent_type: 'server', environment_name: 'shop' }
  const { agent_token } = await ask<{ agent_token: string }>('agent/provision', provisioned)
  start([join(agent.folder, 'apps/agent/src/main.ts')], {
    AGENT_TYPE: 'server',
    AGENT_TOKEN: agent_token,
    PLATFORM_API_URL: url,
    RCA_STATE_DIR: await mkdtemp(join(folder, 'state-')),
    RCA_HEALTH_PORT: 'off',
    COLLECT_INTERVAL: '1s',
    WATCHED_FOLDERS: '',
  })
  return async () => {
    const { agents } = await ask<{ agents: { agent_id: string | null; connectivity: string }[] }>('agents')
    const found = agents.find(({ agent_id }) => agent_id !== null)
    if (found === undefined) return {}
    const { series } = await ask<{ series: { name: string }[] }>(`agents/${found.agent_id}/metrics`)
    const names = series.map(({ name }) => name)
    return { connectivity: found.connectivity, hasMemory: names.includes('system.memory.usage') }
  }
}

describe('the last release and this one', { timeout: TIMEOUT_MS }, () => {
  const cases: readonly (readonly [string, string, Pair])[] = [
    ['this API', 'an agent of the last release', () => [now, last]],
    ['an API of the last release', 'this agent', () => [last, now]],
  ]
  test.each(cases)('%s stores what %s reports', async (_api, _agent, sources) => {
    const [api, agent] = sources()
    const stored = await reportTo(api, agent)
    await expect.poll(stored, { timeout: 120_000, interval: 500 }).toEqual({ connectivity: 'online', hasMemory: true })
  })

  test('this core runs connectors of the last release', async () => {
    const host = await hostOf(join(folder, 'host'), last, now)
    const module = pathToFileURL(join(now.folder, 'packages/core/src/index.ts')).href
    const [program = '', ...words] = NODE
    const run = [...words, '--input-type=module', '--eval', COLLECT, module, host]
    const { stdout } = await inShell(folder, program, run, process.env.PATH)
    const { commands, problems } = JSON.parse(stdout) as Collected
    expect(problems).toEqual([])
    expect(Object.keys(commands)).toEqual(expect.arrayContaining(['docker', 'kubernetes', 'server']))
    expect(commands.report.metrics).toContain('system.memory.usage')
    expect(commands.report.gaps.filter(({ reason }) => reason.includes('not declared'))).toEqual([])
  })
})
