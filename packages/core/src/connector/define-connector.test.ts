import { toStandardJsonSchema } from '@valibot/to-json-schema'
import * as valibot from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { z as zod3 } from 'zod/v3'
import { type Client, exampleConnector, signals } from '../../test/example-connector.ts'
import { createAgent } from '../agent/agent.ts'
import type { ConfigOf, ConfigSchema } from '../config/config-schema.ts'
import { deploymentOnly, secret } from '../config/option-schemas.ts'
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

describe('validation of a connector', () => {
  test.each(['docker', 'k8s', 'aws-lambda', 'acme/disk-array'])('accepts the type %s', (type) => {
    expect(exampleConnector({ type }).type).toBe(type)
  })

  test.each(['', 'Docker', '1st', 'a b', 'a/b/c', '/a', 'a/', 'a_b', undefined, null, 7])(
    'rejects the type %j',
    (type) => {
      expect(() => exampleConnector({ type: type as string })).toThrow(ConnectorError)
      expect(() => exampleConnector({ type: type as string })).toThrow('`type` must be lower case words')
    },
  )

  test.each([
    ['logLevel', 'must be snake_case'],
    ['_key', 'must be snake_case'],
    ['a__b', 'must be snake_case'],
    ['log_level', 'every agent already has an option `log_level`'],
    ['heartbeat_interval', 'every agent already has an option `heartbeat_interval`'],
    ['agent_token', 'environment variable AGENT_TOKEN'],
    ['home', 'environment variable HOME'],
  ])('rejects the option %s: %s', (key, problem) => {
    expect(() => exampleConnector({ config: z.object({ [key]: z.string() }) })).toThrow(problem)
  })

  test('rejects a required `deploymentOnly` option, which the agent never receives', () => {
    expect(() => exampleConnector({ config: z.object({ image: deploymentOnly(z.string()) }) })).toThrow(
      'the option `image` is `deploymentOnly`',
    )
  })

  test('rejects a duplicate signal', () => {
    const again = metric({ name: 'host.load', unit: 's', kind: 'counter', description: 'Again.' })
    expect(() => exampleConnector({ signals: { ...signals, again } })).toThrow('metric `host.load` is declared twice')
  })

  test.each(['Bad Load!', 'host.Load', 'host..load', '.load', '1load'])('rejects a metric with the name %j', (name) => {
    const load = metric({ name, unit: '1', kind: 'gauge', description: 'Load.' })
    expect(() => exampleConnector({ signals: { load } })).toThrow(
      `the name of the metric \`${name}\` must be lower case words`,
    )
  })

  test('rejects a signal that exceeds the limits of a report', () => {
    const wide = metric({ name: 'wide', unit: 'x'.repeat(65), kind: 'gauge', description: 'Wide.' })
    const nameless = metric({ name: '', unit: '1', kind: 'gauge', description: 'Nameless.' })
    expect(() => exampleConnector({ signals: { wide } })).toThrow('longer than 64 characters')
    expect(() => exampleConnector({ signals: { nameless } })).toThrow('needs a name')
  })

  test('rejects a collector and a watcher with the same name in heartbeats', () => {
    expect(() => exampleConnector({ collectors: { disks: collector }, watchers: { disks: watcher } })).toThrow(
      '`disks` is the name of a collector and of a watcher',
    )
  })

  test.each(['', 'connect', 'election', 'x'.repeat(257)])('rejects a collector or watcher with the name %j', (name) => {
    expect(() => exampleConnector({ collectors: { [name]: collector } })).toThrow(ConnectorError)
    expect(() => exampleConnector({ watchers: { [name]: watcher } })).toThrow(ConnectorError)
  })

  test('rejects an election without `run`', () => {
    expect(() => exampleConnector({ election: {} as Election<{ readonly name: string }> })).toThrow(
      '`election` must be an object',
    )
  })

  test('rejects an invalid interval of a collector', () => {
    const collectors = { slow: { ...collector, interval: '1 minute' as '1m' } }
    expect(() => exampleConnector({ collectors })).toThrow(
      'the collector `slow` has an invalid `interval` or `timeout`',
    )
  })

  test('rejects an interval of less than a second', () => {
    expect(() => exampleConnector({ collectors: { fast: { ...collector, interval: '1ms' } } })).toThrow(
      'the `interval` of the collector `fast` must be at least 1s, got 1ms',
    )
  })

  test.each([
    ['password', z.object({ password: z.string() })],
    ['registry.api_key', z.object({ registry: z.object({ api_key: z.string() }) })],
    ['registries.password', z.object({ registries: z.array(z.object({ password: z.string() })) })],
    ['login.token', z.object({ login: z.union([z.string(), z.object({ token: z.string() })]) })],
  ])(
    'rejects the option `%s`, which has the name of a secret, unless it is marked or said not to be one',
    (path, config) => {
      expect(() => exampleConnector({ config })).toThrow(`the option \`${path}\` has the name of a secret`)
    },
  )

  test('accepts options with the name of a secret that are marked, or said not to be secret', () => {
    const config = z.object({
      password: secret(),
      existing_secret: z.string().meta({ writeOnly: false }),
      key: z.string(),
    })
    expect(exampleConnector({ config: config.partial() }).type).toBe('example')
  })

  test.each<[string, object, string]>([
    ['of no library', {}, 'such as zod 4.2 or newer'],
    ['of zod 3', zod3.object({}), '`config` is a schema of zod 3, `zod/v3` or zod before 4.2'],
    ['of valibot alone', valibot.object({}), 'Wrap it in `toStandardJsonSchema` of `@valibot/to-json-schema`'],
  ])('rejects a schema %s, and says what to use instead', (_what, config, remedy) => {
    expect(() => exampleConnector({ config: config as ConfigSchema })).toThrow(remedy)
  })

  test('accepts a schema of valibot with JSON Schema, and finds its secrets', () => {
    const password = valibot.pipe(valibot.string(), valibot.metadata({ writeOnly: true }))
    const config = toStandardJsonSchema(valibot.object({ size: valibot.number(), password }))
    const connector = exampleConnector({ config })
    const parsed = parseConfig(connector, { size: '5', password: 'hunter2canary' })
    expect(parsed).toMatchObject({ config: { size: 5 }, secrets: ['hunter2canary'] })
    const unmarked = toStandardJsonSchema(valibot.object({ password: valibot.string() }))
    expect(() => exampleConnector({ config: unmarked })).toThrow('`password` has the name of a secret')
  })

  test('rejects a schema with types that JSON lacks', () => {
    expect(() => exampleConnector({ config: z.object({ since: z.date() }) })).toThrow(
      'cannot be described as JSON Schema',
    )
  })
})

describe('types of a connector', () => {
  test('infers the type of the configuration from the schema', () => {
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

  test('types the options of `createAgent` by the connector', () => {
    const config = z.object({ socket: z.string().default('/run/docker.sock'), depth: z.int().default(1) })
    const connector = exampleConnector({ config }) as unknown as Connector<z.output<typeof config>, Client>
    const options = { connector, platformUrl: 'https://api.example.com', agentToken: 'docker-token' }
    expect(() =>
      createAgent({ ...options, config: { socket: '/run/a.sock', depth: 2, log_level: 'debug' } }),
    ).not.toThrow()
    expect(() => createAgent({ ...options, config: { depth: '2', max_batch_size: '10' } })).not.toThrow()
    // @ts-expect-error unknown option
    expect(() => createAgent({ ...options, config: { sokcet: '/run/a.sock' } })).toThrow('Did you mean `socket`?')
    expect(() => createAgent({ ...options, config: { depth: true } })).toThrow('`depth`')
  })
})

describe('defineConnector', () => {
  test('works without `disconnect`', async () => {
    const { disconnect: _, ...definition } = exampleConnector()
    const connector = defineConnector<ConfigSchema, Client>(definition)
    const agent = createAgent({ connector, platformUrl: 'https://api.example.com', agentToken: 'docker-token' })
    expect((await agent.collectMetrics()).data.gaps).toEqual([])
    await expect(agent.stop()).resolves.toBeUndefined()
  })

  test('leaves options untyped for an agent created by type', async () => {
    const registry = createRegistry([exampleConnector()])
    const options = { agentType: 'example', platformUrl: 'https://api.example.com', agentToken: 'docker-token' }
    await expect(registry.createAgent({ ...options, config: { log_levle: 'debug' } })).rejects.toThrow('`log_level`')
  })

  test('returns a frozen connector with the version of the contract', () => {
    const connector = exampleConnector()
    expect(Object.isFrozen(connector)).toBe(true)
    expect((connector as { readonly contract?: unknown }).contract).toBe(1)
  })
})

describe('isConnector', () => {
  test('returns true for a connector of another copy of core', () => {
    const foreign = Object.defineProperty({ contract: 1, type: 'foreign' }, Symbol.for('rca.connector'), {
      value: true,
    })
    expect(isConnector(foreign)).toBe(true)
  })

  test.each([undefined, null, 'docker', 1, {}, { contract: 1, type: 'docker' }, () => undefined])(
    'returns false for %j',
    (value) => {
      expect(isConnector(value)).toBe(false)
    },
  )
})

describe('a schema of another library', () => {
  /** A schema of a library other than zod. */
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

  test('uses a foreign schema’s JSON Schema for coercion, issues and secrets', () => {
    const connector = exampleConnector({ config: foreignSchema() })
    expect(parseConfig(connector, { port: '8080', password: 'hunter2' })).toMatchObject({
      config: { port: 8080 },
      secrets: ['hunter2'],
    })
    expect(() => parseConfig(connector, { port: 'x', password: 'hunter2' })).toThrow(
      '`port`: x and [redacted] do not fit.',
    )
  })
})
