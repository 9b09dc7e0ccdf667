import { expect, test } from 'vitest'
import { exampleConnector } from '../../test/example-connector.ts'
import type { Connector } from '../connector/connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { UnknownTypeError } from '../errors/unknown-type-error.ts'
import { createRegistry, registryOf } from './registry.ts'

const docker = exampleConnector({ type: 'docker' }) as Connector
const server = exampleConnector({ type: 'server' }) as Connector

test('a registry lists its types sorted, whatever their order was', () => {
  const registry = createRegistry([server, docker])
  expect(registry.listSupportedTypes()).toEqual(['docker', 'server'])
  expect(registry.summaries().map((summary) => summary.type)).toEqual(['docker', 'server'])
  expect(registry.problems).toEqual([])
})

test('two connectors of one type are refused', () => {
  expect(() => createRegistry([docker, exampleConnector({ type: 'docker' }) as Connector])).toThrow(
    'another connector in the same registry has this type',
  )
})

test.each([undefined, null, 'docker', {}, { ...docker }])('%j is refused', (garbage) => {
  expect(() => createRegistry([garbage as Connector])).toThrow(ConnectorError)
})

test('a connector of another contract is refused', () => {
  const future = Object.defineProperty({ ...docker, contract: 2 }, Symbol.for('rca.connector'), { value: true })
  expect(() => createRegistry([future as unknown as Connector])).toThrow('it speaks contract 2')
})

test('an unknown type is refused with the nearest known one', async () => {
  const registry = createRegistry([server, docker])
  await expect(registry.connector('dokcer')).rejects.toThrow('Did you mean `docker`?')
  await expect(registry.connector('lambda')).rejects.toThrow(UnknownTypeError)
  await expect(registry.connector('lambda')).rejects.not.toThrow('Did you mean')
  await expect(createRegistry([]).connector('docker')).rejects.toThrow('No connector is installed.')
  await expect(registry.connector(undefined as unknown as string)).rejects.toThrow(UnknownTypeError)
})

test('a description carries the options of every agent', async () => {
  const [description] = await createRegistry([docker]).describe()
  expect(description).toMatchObject({ type: 'docker', title: 'Example' })
  expect(Object.keys(description?.config.properties ?? {})).toContain('collect_interval')
})

test('an agent is made by its type', async () => {
  const options = { platformUrl: 'https://api.example.com', agentToken: 'token' }
  const agent = await createRegistry([docker]).createAgent({ ...options, agentType: 'docker' })
  expect(agent.agentType).toBe('docker')
})

test('a connector is loaded once, by whoever asks first', async () => {
  let loads = 0
  const load = async (): Promise<Connector> => {
    loads += 1
    return docker
  }
  const registry = registryOf(new Map([['docker', { type: 'docker', title: '', description: '', load }]]), [])
  registry.summaries()
  expect(loads).toBe(0)
  await Promise.all([registry.connector('docker'), registry.connector('docker'), registry.describe()])
  expect(loads).toBe(1)
})

test('a load that failed is tried again', async () => {
  let loads = 0
  const load = async (): Promise<Connector> => {
    loads += 1
    if (loads === 1) throw new Error('the file was being written')
    return docker
  }
  const registry = registryOf(new Map([['docker', { type: 'docker', title: '', description: '', load }]]), [])
  await expect(registry.connector('docker')).rejects.toThrow('being written')
  expect(await registry.connector('docker')).toBe(docker)
})

test('describing goes on without what cannot be loaded, and says so once', async () => {
  const broken = async (): Promise<Connector> => {
    throw new Error('broken')
  }
  const entries = new Map([
    ['bad', { type: 'bad', title: '', description: '', load: broken, origin: { package: 'bad', version: '2.0.0' } }],
    ['docker', { type: 'docker', title: '', description: '', load: async () => docker }],
  ])
  const registry = registryOf(entries, [])
  expect((await registry.describe()).map((description) => description.type)).toEqual(['docker'])
  await registry.describe()
  expect(registry.problems).toEqual([{ package: 'bad', version: '2.0.0', message: 'broken' }])
})
