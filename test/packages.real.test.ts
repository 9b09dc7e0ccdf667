import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi } from './installed-api.ts'
import { inShell, pack, paths } from './user-shell.ts'

/** A program of a user who installs only the packages that it needs. */
const program = `
import { createRegistry } from '@rca/core'
import { docker } from '@rca/connector-docker'
import { kubernetes } from '@rca/connector-kubernetes'
import { server } from '@rca/connector-server'

const registry = createRegistry([docker, kubernetes, server])
const agent = await registry.createAgent({ agentType: 'server', platformUrl: 'https://api.example.com', agentToken: 'server-token' })
const { agent_type, timestamp, data } = await agent.collectMetrics()
const names = [...new Set(data.metrics.map((metric) => metric.name))]
console.log(JSON.stringify({ agent_type, timestamp, names, command: agent.getDeploymentCommand(), node: process.version }))
await agent.stop()

const config = { docker_host: 'tcp://127.0.0.1:9' }
const other = await registry.createAgent({ agentType: 'docker', platformUrl: 'https://api.example.com', agentToken: 'docker-token', config })
console.log(JSON.stringify({ command: other.getDeploymentCommand() }))
await other.collectMetrics().catch((error) => console.log(JSON.stringify({ reason: error.message })))
await other.stop()

const nowhere = await registry.createAgent({ agentType: 'kubernetes', platformUrl: 'https://api.example.com', agentToken: 'kubernetes-token' })
console.log(JSON.stringify({ command: nowhere.getDeploymentCommand() }))
await nowhere.collectMetrics().catch((error) => console.log(JSON.stringify({ reason: error.message })))
await nowhere.stop()
`

const machineNode = execFileSync('node', ['--version'], { encoding: 'utf8', env: { PATH: paths[0]?.[1] } })
const [, major = 0, minor = 0] = (/^v(\d+)\.(\d+)/.exec(machineNode) ?? []).map(Number)

/** True if the machine's own Node has the SQLite of the API. */
const hasSqlite = major > 22 || (major === 22 && minor >= 16)

const names = ['core', 'connector-docker', 'connector-kubernetes', 'connector-lambda', 'connector-server']
const apps = ['agent', 'api']

/** A connector of another vendor. */
const queuesPackage = {
  name: 'rca-queues',
  version: '1.0.0',
  type: 'module',
  exports: './index.js',
  peerDependencies: { '@rca/core': '0.x' },
  rca: { contract: 1, type: 'acme/queues', title: 'Queues', description: 'Watch queues' },
}
const queues = `
import { command, defineConnector, entity } from '@rca/core/connector'
const queue = entity({ type: 'acme.queue', description: 'A queue.' })
const schema = () => ({ type: 'object', properties: {} })
export const queues = defineConnector({
  type: 'acme/queues', title: 'Queues', description: 'Watch queues', signals: { queue },
  config: { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: schema, output: schema } } },
  deploy: () => ({ command: command('rca-agent') }),
  connect: async () => 1,
  identify: async () => ({ id: 'broker', name: 'broker', entity: queue.reference('mails') }),
  collectors: { queues: { collect: async () => ({ entities: [queue.entity({ id: 'mails' })] }) } },
})`

describe('the packed packages, installed with npm in an empty folder', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rca-packed-'))
    const tarballs: string[] = []
    for (const name of names) tarballs.push(await pack(folder, name))
    for (const name of apps) tarballs.push(await pack(folder, name, 'apps'))
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    await inShell(folder, 'npm', ['install', '--no-audit', '--no-fund', ...tarballs])
    await writeFile(join(folder, 'agent.js'), program)
  }, 600_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(paths)('run a ten-line agent on %s', async (_title, path) => {
    const { stdout, stderr } = await inShell(folder, 'node', ['agent.js'], path)
    expect(stderr).toBe('')
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = stdout.trim().split('\n')
    const result = JSON.parse(first) as { agent_type: string; timestamp: string; names: string[]; command: string }
    expect(result.agent_type).toBe('server')
    expect(Date.parse(result.timestamp)).not.toBeNaN()
    expect(result.names).toEqual(
      expect.arrayContaining([
        'system.cpu.utilization',
        'system.memory.usage',
        'system.filesystem.usage',
        'system.network.io',
      ]),
    )
    expect(result.command).toContain('server-token')
    expect(JSON.parse(second)).toEqual({ command: expect.stringMatching(/^docker run -d .*docker-token/s) })
    expect(JSON.parse(third)).toEqual({ reason: expect.stringContaining('No engine answers at tcp://127.0.0.1:9') })
    expect(JSON.parse(fourth)).toEqual({ command: expect.stringMatching(/^helm repo add .*kubernetes-token/s) })
    expect(JSON.parse(fifth)).toEqual({ reason: expect.stringContaining('`kubeconfig` is not set') })
  })

  it('describe their options without loading a client or other code', async () => {
    const program = `
import { discoverConnectors } from '@rca/core'
const registry = await discoverConnectors({ from: './node_modules/@rca/agent/package.json' })
let loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
const described = await registry.describe()
console.log(JSON.stringify({ loaded, warnings: registry.warnings, options: described.map(({ config }) => Object.keys(config.properties)) }))`
    await writeFile(join(folder, 'describe.js'), `import { registerHooks } from 'node:module'\n${program}`)
    const { stdout } = await inShell(folder, 'node', ['describe.js'], paths[1]?.[1])
    const { loaded, warnings, options } = JSON.parse(stdout) as {
      loaded: string[]
      warnings: unknown
      options: string[][]
    }
    expect([loaded, warnings]).toEqual([[], []])
    expect(options).toEqual([
      expect.arrayContaining(['docker_host', 'log_level']),
      expect.arrayContaining(['kubeconfig', 'log_level']),
      expect.arrayContaining(['aws_region', 'log_level']),
      expect.arrayContaining(['exclude_mounts', 'log_level']),
    ])
  })

  it.each(paths)('have a program `rca-agent` that runs on %s', async (_title, path) => {
    const agent = join(folder, 'node_modules/.bin/rca-agent')
    const { stdout, stderr } = await inShell(folder, agent, ['types'], path)
    expect(stderr).toBe('')
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      ...['docker', 'kubernetes', 'lambda', 'server'],
      '',
    ])
  })

  it("have a program `rca-api` that runs on the repository's Node, and serves the chart of the agent", async () => {
    const { url, admin_token, stop } = await startApi(folder, paths[1]?.[1] ?? '')
    try {
      const ask = (path: string) => fetch(url + path, { headers: { authorization: `Bearer ${admin_token}` } })
      expect(await (await ask('/api/v1/agent/types')).json()).toMatchObject({
        types: ['docker', 'kubernetes', 'lambda', 'server'],
      })
      expect(await (await ask('/charts/index.yaml')).text()).toContain('name: agent')
    } finally {
      stop()
    }
  })

  it("add a connector with `rca-agent` on the machine's own Node, which `rca-api` offers too", async () => {
    const connectors = join(folder, 'connectors')
    const connector = join(folder, 'queues')
    await mkdir(connector)
    await writeFile(join(connector, 'package.json'), JSON.stringify(queuesPackage))
    await writeFile(join(connector, 'index.js'), queues)
    const environment = { RCA_CONNECTORS: connectors }
    const agent = join(folder, 'node_modules/.bin/rca-agent')
    const added = await inShell(folder, agent, ['add', connector], undefined, environment)
    expect(added.stdout).toBe(
      'Added rca-queues@1.0.0: type acme/queues (Queues), 1 collector, 0 watchers, 1 type of entity, 0 metrics, 0 events, no options\n',
    )
    const { stdout } = await inShell(folder, agent, ['collect', '--type', 'acme/queues'], undefined, environment)
    const { data } = JSON.parse(stdout) as { data: { entities: unknown[]; gaps: unknown[] } }
    expect(data.gaps).toEqual([])
    expect(data.entities).toContainEqual(expect.objectContaining({ type: 'acme.queue', id: 'mails' }))
    const api = await startApi(folder, paths[1]?.[1] ?? '', environment)
    try {
      const headers = { authorization: `Bearer ${api.admin_token}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ agent_type: 'acme/queues', environment_name: 'production' })
      const answer = await fetch(`${api.url}/api/v1/agent/provision`, { method: 'POST', headers, body })
      expect(await answer.json()).toMatchObject({ agent_type: 'acme/queues', deployment_command: 'rca-agent' })
    } finally {
      api.stop()
    }
  }, 120_000)

  it.skipIf(hasSqlite)("have a program `rca-api` that says why it does not run on the machine's own Node", async () => {
    await expect(startApi(folder, paths[0]?.[1] ?? '')).rejects.toThrow(
      /^rca-api ended with 2: rca-api: Node.js \S+ lacks the SQLite .* Run it with Node.js >=22\.16\.\n$/,
    )
  })

  it('contain no sources, tests or build state', async () => {
    for (const name of [...names, ...apps]) {
      const files = await readdir(join(folder, 'node_modules/@rca', name), { recursive: true })
      const own = files.filter((file) => !file.startsWith('node_modules'))
      expect(own.filter((file) => /(?:^src|\.test\.|\.tsbuildinfo$|^test|^bench)/.test(file))).toEqual([])
      const main = name === 'agent' ? 'rca-agent' : 'index'
      expect(own).toEqual(
        expect.arrayContaining(['package.json', 'README.md', 'LICENSE', `dist/${main}.js`, `dist/${main}.d.ts`]),
      )
    }
  })
})
