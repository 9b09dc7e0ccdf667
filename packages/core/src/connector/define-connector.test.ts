import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type Client, exampleConnector, signals } from '../../test/example-connector.ts'
import { createAgent } from '../agent/agent.ts'
import type { ConfigOf, ConfigSchema } from '../config/config-schema.ts'
import { deploymentOnly } from '../config/options.ts'
import { parseConfig } from '../config/parse-config.ts'
import { command } from '../deployment/command.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { createRegistry } from '../registry/registry.ts'
import type { Connector } from './connector.ts'
import { defineConnector, isConnector } from './define-connector.ts'
import type { Election } from './election.ts'
import { metric } from './signal-catalog.ts'

const collector = { collect: async () => ({}) }
const watcher = { watch: async () => undefined }

test.each(['docker', 'k8s', 'aws-lambda', 'acme/disk-array'])('the type %s is accepted', (type) => {
  expect(exampleConnector({ type }).type).toBe(type)
})

test.each(['', 'Docker', '1st', 'a b', 'a/b/c', '/a', 'a/', 'a_b', undefined, null, 7])(
  'the type %j is refused',
  (type) => {
    expect(() => exampleConnector({ type: type as string })).toThrow(ConnectorError)
    expect(() => exampleConnector({ type: type as string })).toThrow('`type` must be lower case words')
  },
)

test.each([
  ['logLevel', 'must be snake_case'],
  ['_key', 'must be snake_case'],
  ['a__b', 'must be snake_case'],
  ['log_level', 'one that every agent already has'],
  ['heartbeat_interval', 'one that every agent already has'],
  ['agent_token', 'environment variable AGENT_TOKEN'],
  ['home', 'environment variable HOME'],
])('the option %s is refused: it %s', (key, problem) => {
  expect(() => exampleConnector({ config: z.object({ [key]: z.string() }) })).toThrow(problem)
})

test('an option of the deployment alone that must be given is refused: the agent never gets it', () => {
  expect(() => exampleConnector({ config: z.object({ image: deploymentOnly(z.string()) }) })).toThrow(
    'the option `image` is `deploymentOnly`',
  )
})

test('a signal that is declared twice is refused', () => {
  const again = metric({ name: 'host.load', unit: 's', kind: 'counter', description: 'Again.' })
  expect(() => exampleConnector({ signals: { ...signals, again } })).toThrow('metric `host.load` is declared twice')
})

test('a signal that no report could carry is refused', () => {
  const wide = metric({ name: 'wide', unit: 'x'.repeat(65), kind: 'gauge', description: 'Wide.' })
  const nameless = metric({ name: '', unit: '1', kind: 'gauge', description: 'Nameless.' })
  expect(() => exampleConnector({ signals: { wide } })).toThrow('longer than 64 characters')
  expect(() => exampleConnector({ signals: { nameless } })).toThrow('needs a name')
})

test('a collector and a watcher cannot share a name: both stand in a heartbeat’s `collectors`', () => {
  expect(() => exampleConnector({ collectors: { disks: collector }, watchers: { disks: watcher } })).toThrow(
    '`disks` is the name of a collector and of a watcher',
  )
})

test.each(['', 'connect', 'election', 'x'.repeat(257)])('a reader cannot be called %j', (name) => {
  expect(() => exampleConnector({ collectors: { [name]: collector } })).toThrow(ConnectorError)
  expect(() => exampleConnector({ watchers: { [name]: watcher } })).toThrow(ConnectorError)
})

test('an election needs something to run', () => {
  expect(() => exampleConnector({ election: {} as Election<{ readonly name: string }> })).toThrow(
    '`election` must be an object',
  )
})

test('a collector’s durations are checked before it ever runs', () => {
  const collectors = { slow: { ...collector, interval: '1 minute' as '1m' } }
  expect(() => exampleConnector({ collectors })).toThrow('the collector `slow` has a bad `interval` or `timeout`')
})

test('a schema that cannot be described is refused with the way out', () => {
  expect(() => exampleConnector({ config: {} as ConfigSchema })).toThrow('zod 4.2 or newer')
  expect(() => exampleConnector({ config: z.object({ since: z.date() }) })).toThrow(
    'cannot be described as JSON Schema',
  )
})

test('the configuration’s type is inferred from the schema', () => {
  const config = z.object({ socket: z.string().default('/run/docker.sock'), depth: z.number().optional() })
  interface Config {
    socket: string
    depth?: number | undefined
  }
  const connector = defineConnector({
    type: 'typed',
    title: 'Typed',
    description: 'A connector whose types are inferred.',
    signals,
    config,
    deploy: (target) => {
      expectTypeOf(target.config).toEqualTypeOf<Config>()
      return { command: command('run', target.config.socket) }
    },
    connect: async (context) => {
      expectTypeOf(context.config).toEqualTypeOf<Config>()
      return { socket: context.config.socket }
    },
    collectors: {
      load: {
        collect: async (client) => {
          expectTypeOf(client).toEqualTypeOf<{ socket: string }>()
          return {}
        },
      },
    },
    identify: async (client) => ({ id: client.socket, name: '', entity: { type: 'host', id: '1' } }),
  })
  expectTypeOf(connector).toEqualTypeOf<Connector<Config, { socket: string }>>()
  expectTypeOf<ConfigOf<typeof config>>().toEqualTypeOf<Config>()
  expect(parseConfig(connector, {}).config).toEqual({ socket: '/run/docker.sock' })
})

test('the options of `createAgent` are typed by the connector', () => {
  const config = z.object({ socket: z.string().default('/run/docker.sock'), depth: z.int().default(1) })
  const connector = exampleConnector({ config }) as unknown as Connector<z.output<typeof config>, Client>
  const options = { connector, platformUrl: 'https://api.example.com', agentToken: 'docker-token' }
  expect(() =>
    createAgent({ ...options, config: { socket: '/run/a.sock', depth: 2, log_level: 'debug' } }),
  ).not.toThrow()
  expect(() => createAgent({ ...options, config: { depth: '2', max_batch_size: '10' } })).not.toThrow()
  // @ts-expect-error there is no such option
  expect(() => createAgent({ ...options, config: { sokcet: '/run/a.sock' } })).toThrow('Did you mean `socket`?')
  expect(() => createAgent({ ...options, config: { depth: true } })).toThrow('`depth`')
})

test('an agent closes nothing where a connector has no `disconnect`', async () => {
  const { disconnect: _, ...definition } = exampleConnector()
  const connector = defineConnector<ConfigSchema, Client>(definition)
  const agent = createAgent({ connector, platformUrl: 'https://api.example.com', agentToken: 'docker-token' })
  expect((await agent.collectMetrics()).data.gaps).toEqual([])
  await expect(agent.stop()).resolves.toBeUndefined()
})

test('the options of an agent are not typed where its connector is looked up by type', async () => {
  const registry = createRegistry([exampleConnector()])
  const options = { agentType: 'example', platformUrl: 'https://api.example.com', agentToken: 'docker-token' }
  await expect(registry.createAgent({ ...options, config: { log_levle: 'debug' } })).rejects.toThrow('`log_level`')
})

test('a connector is frozen and speaks this contract', () => {
  const connector = exampleConnector()
  expect(Object.isFrozen(connector)).toBe(true)
  expect((connector as { readonly contract?: unknown }).contract).toBe(1)
})

test('a connector that another copy of core made is one', () => {
  const foreign = Object.defineProperty({ contract: 1, type: 'foreign' }, Symbol.for('rca.connector'), { value: true })
  expect(isConnector(foreign)).toBe(true)
})

test.each([undefined, null, 'docker', 1, {}, { contract: 1, type: 'docker' }, () => undefined])(
  '%j is no connector',
  (value) => {
    expect(isConnector(value)).toBe(false)
  },
)

/** What another schema library than zod looks like from outside. */
function foreignSchema(): ConfigSchema<{ readonly port: number }> {
  const schema = {
    type: 'object',
    properties: { port: { type: 'integer', description: 'Port.' }, password: { type: 'string', writeOnly: true } },
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'foreign',
      validate: (value) => {
        const { port, password } = value as { readonly port?: unknown; readonly password?: unknown }
        return typeof port === 'number'
          ? { value: { port } }
          : { issues: [{ message: `${String(port)} and ${String(password)} do not fit`, path: [{ key: 'port' }] }] }
      },
      jsonSchema: { input: () => schema, output: () => schema },
    },
  }
}

test('a schema of another library works: coercion, issues and secrets come from what it says of itself', () => {
  const connector = exampleConnector({ config: foreignSchema() })
  expect(parseConfig(connector, { port: '8080', password: 'hunter2' })).toMatchObject({
    config: { port: 8080 },
    secrets: ['hunter2'],
  })
  expect(() => parseConfig(connector, { port: 'x', password: 'hunter2' })).toThrow(
    '`port`: x and [redacted] do not fit.',
  )
})
