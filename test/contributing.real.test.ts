import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../packages/core/src/platform/protocol.ts'
import type { ConnectorSummary } from '../packages/core/src/registry/registry.ts'
import { filesIn, sectionOf } from './code-blocks.ts'
import { findTarball, inShell, pack, paths, repository } from './user-shell.ts'

/** Output of the program below. */
interface Printed {
  readonly node: string
  readonly problems: readonly unknown[]
  readonly summaries: readonly ConnectorSummary[]
  readonly connector: ConnectorSummary
  readonly command: string
  readonly data: Report['data']
  readonly refusal: string
}

/** A program that depends on the connector, as agent and API do. Its argument is the broker's address. */
const program = `
import { discoverConnectors } from '@rca/core'

const registry = await discoverConnectors({ from: import.meta.url })
const createAgent = (config) =>
  registry.createAgent({ agentType: 'acme/queues', platformUrl: 'https://api.example.com', agentToken: 'queues-token', config })

const { type, title, description } = await registry.connector('acme/queues')
const agent = await createAgent({ broker_url: process.argv[2], log_level: 'debug' })
const { data } = await agent.collectMetrics()
await agent.stop()
const refusal = await createAgent({ broker_ulr: process.argv[2] }).catch((error) => error.message)
console.log(JSON.stringify({
  node: process.version, problems: registry.problems, summaries: registry.summaries(),
  connector: { type, title, description }, command: agent.getDeploymentCommand(), data, refusal,
}))
`

const broker = createServer((request, response) => {
  if (request.method !== 'GET' || request.url !== '/queues') {
    response.writeHead(404).end()
    return
  }
  const queues = [
    { name: 'invoices', messages: 12 },
    { name: 'mails', messages: 0 },
  ]
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ broker: 'broker-1', queues }))
})

describe('the connector of CONTRIBUTING.md, outside the repository', () => {
  let folder = ''
  let core = ''
  let url = ''

  beforeAll(async () => {
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`
    folder = await mkdtemp(join(tmpdir(), 'rca-contributing-'))
    const text = await readFile(join(repository, 'CONTRIBUTING.md'), 'utf8')
    const files = filesIn(sectionOf(text, '### Outside this repository'))
    expect([...files.keys()].sort()).toEqual([
      'package.json',
      'src/client.ts',
      'src/index.ts',
      'src/signals.ts',
      'tsconfig.json',
    ])
    for (const [path, content] of files) {
      const file = join(folder, 'connector', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    }
    core = await pack(folder, 'core')
    await inShell(join(folder, 'connector'), 'npm', ['install', '--no-audit', '--no-fund', '--save-dev', core])
  }, 180_000)
  afterAll(async () => {
    broker.close()
    await rm(folder, { recursive: true, force: true })
  })

  describe.each(paths)('built, packed, installed and run on %s', (title, path) => {
    let host = ''
    let printed: Printed

    beforeAll(async () => {
      host = join(folder, title)
      await mkdir(host)
      await rm(join(folder, 'connector/dist'), { recursive: true, force: true })
      await inShell(join(folder, 'connector'), 'npm', ['pack', '--pack-destination', host], path)
      const tarball = await findTarball(host, 'acme-rca-connector-queues-')
      await writeFile(join(host, 'package.json'), '{ "private": true, "type": "module" }')
      await inShell(host, 'npm', ['install', '--no-audit', '--no-fund', core, tarball], path)
      await writeFile(join(host, 'program.js'), program)
      const { stdout } = await inShell(host, 'node', ['program.js', url], path)
      printed = JSON.parse(stdout) as Printed
    }, 180_000)

    it('contains JavaScript and types, and does not bring a core of its own', async () => {
      const home = join(host, 'node_modules/@acme/rca-connector-queues')
      expect((await readdir(home)).sort()).toEqual(['dist', 'package.json'])
      const built = ['client', 'index', 'signals'].flatMap((name) => [`${name}.d.ts`, `${name}.js`])
      expect((await readdir(join(home, 'dist'))).sort()).toEqual(built)
    })

    it('is discovered and matches its manifest', () => {
      expect(printed.problems).toEqual([])
      const connector = { package: '@acme/rca-connector-queues', version: '0.1.0' }
      expect(printed.summaries).toEqual([{ ...printed.connector, connector }])
      expect(printed.connector.type).toBe('acme/queues')
    })

    it('has a command with every option', () => {
      expect(printed.command).toBe(
        `env PLATFORM_API_URL=https://api.example.com AGENT_TOKEN=queues-token AGENT_TYPE=acme/queues BROKER_URL=${url} LOG_LEVEL=debug rca-agent`,
      )
    })

    it('reports the queues of the broker without a gap', () => {
      const { entities, metrics, gaps } = printed.data
      expect(gaps).toEqual([])
      const partOf = [{ type: 'part_of', target: { type: 'acme.broker', id: 'broker-1' } }]
      expect(entities.filter(({ type }) => type.startsWith('acme.'))).toEqual([
        { type: 'acme.broker', id: 'broker-1', name: 'broker-1', attributes: {}, relations: [] },
        { type: 'acme.queue', id: 'invoices', name: 'invoices', attributes: {}, relations: partOf },
        { type: 'acme.queue', id: 'mails', name: 'mails', attributes: {}, relations: partOf },
      ])
      const depths = metrics.filter(({ name }) => name === 'acme.queue.messages')
      expect(depths.map(({ entity, value }) => [entity.id, value])).toEqual([
        ['invoices', 12],
        ['mails', 0],
      ])
    })

    it('rejects an unknown option with a suggestion', () => {
      expect(printed.refusal).toContain('Did you mean `broker_url`?')
    })
  })
})
