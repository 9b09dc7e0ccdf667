import { describe, expect, onTestFinished, test } from 'vitest'
import { exampleConnector } from '../../test/example-connector.ts'
import { startPlatform } from '../../test/platform.ts'
import type { Connector } from '../connector/connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { UnknownTypeError } from '../errors/unknown-type-error.ts'
import { createRegistry, registryOf } from './registry.ts'

const docker = exampleConnector({ type: 'docker' }) as Connector
const server = exampleConnector({ type: 'server' }) as Connector

const NOTHING_FOUND = { problems: [], warnings: [] }

describe('Registry', () => {
  test('lists its types, sorted', () => {
    const registry = createRegistry([server, docker])
    expect(registry.listSupportedTypes()).toEqual(['docker', 'server'])
    expect(registry.summaries().map((summary) => summary.type)).toEqual(['docker', 'server'])
    expect(registry.problems).toEqual([])
  })

  test('rejects two connectors of the same type', () => {
    expect(() => createRegistry([docker, exampleConnector({ type: 'docker' }) as Connector])).toThrow(
      'another connector in the registry has the same type',
    )
  })

  test.each([undefined, null, 'docker', {}, { ...docker }])('rejects %j in place of a connector', (garbage) => {
    expect(() => createRegistry([garbage as Connector])).toThrow(ConnectorError)
  })

  test('rejects a connector of another version of the contract', () => {
    const future = Object.defineProperty({ ...docker, contract: 2 }, Symbol.for('rca.connector'), { value: true })
    expect(() => createRegistry([future as unknown as Connector])).toThrow('it implements version 2 of the contract')
  })

  test('rejects an unknown type, and suggests a similar one', async () => {
    const registry = createRegistry([server, docker])
    await expect(registry.connector('dokcer')).rejects.toThrow('Did you mean `docker`?')
    await expect(registry.connector('lambda')).rejects.toThrow(UnknownTypeError)
    await expect(registry.connector('lambda')).rejects.not.toThrow('Did you mean')
    await expect(createRegistry([]).connector('docker')).rejects.toThrow('No connector is installed.')
    await expect(registry.connector(undefined as unknown as string)).rejects.toThrow(UnknownTypeError)
  })

  test('describes the options of every agent', async () => {
    const [description] = await createRegistry([docker]).describe()
    expect(description).toMatchObject({ type: 'docker', title: 'Example' })
    expect(Object.keys(description?.config.properties ?? {})).toContain('collect_interval')
  })

  test('creates an agent by type', async () => {
    const options = { platformUrl: 'https://api.example.com', agentToken: 'token' }
    const agent = await createRegistry([docker]).createAgent({ ...options, agentType: 'docker' })
    expect(agent.agentType).toBe('docker')
  })

  test('lets an agent of an installed connector send its package', async () => {
    const platform = await startPlatform()
    const origin = { package: '@acme/rca-docker', version: '1.2.3' }
    const entry = { type: 'docker', title: '', description: '', load: async () => docker, origin }
    const registry = registryOf(new Map([['docker', entry]]), NOTHING_FOUND)
    const agent = await registry.createAgent({ platformUrl: platform.url, agentToken: 'token', agentType: 'docker' })
    onTestFinished(() => agent.stop())
    expect(await agent.heartbeat()).toBe(true)
    expect(platform.heartbeats()[0]?.connector).toEqual(origin)
    expect((await registry.describe())[0]?.connector).toEqual(origin)
  })

  test('loads a connector once, on first use', async () => {
    let loads = 0
    const load = async (): Promise<Connector> => {
      loads += 1
      return docker
    }
    const registry = registryOf(
      new Map([['docker', { type: 'docker', title: '', description: '', load }]]),
      NOTHING_FOUND,
    )
    registry.summaries()
    expect(loads).toBe(0)
    await Promise.all([registry.connector('docker'), registry.connector('docker'), registry.describe()])
    expect(loads).toBe(1)
  })

  test('retries a failed load', async () => {
    let loads = 0
    const load = async (): Promise<Connector> => {
      loads += 1
      if (loads === 1) throw new Error('the file was being written')
      return docker
    }
    const registry = registryOf(
      new Map([['docker', { type: 'docker', title: '', description: '', load }]]),
      NOTHING_FOUND,
    )
    await expect(registry.connector('docker')).rejects.toThrow('being written')
    expect(await registry.connector('docker')).toBe(docker)
  })

  test('omits a connector that cannot be loaded from descriptions, and reports it once', async () => {
    const broken = async (): Promise<Connector> => {
      throw new Error('broken')
    }
    const entries = new Map([
      ['bad', { type: 'bad', title: '', description: '', load: broken, origin: { package: 'bad', version: '2.0.0' } }],
      ['docker', { type: 'docker', title: '', description: '', load: async () => docker }],
    ])
    const registry = registryOf(entries, NOTHING_FOUND)
    expect((await registry.describe()).map((description) => description.type)).toEqual(['docker'])
    await registry.describe()
    expect(registry.problems).toEqual([{ package: 'bad', version: '2.0.0', type: 'bad', message: 'broken' }])
  })
})
