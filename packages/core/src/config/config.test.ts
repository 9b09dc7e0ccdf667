import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exampleConnector } from '../../test/example-connector.ts'
import { ConfigError } from '../errors/config-error.ts'
import type { JsonSchema } from './config-schema.ts'
import { deploymentOnly, distinct, duration, secret } from './option-schemas.ts'
import {
  agentConfigJsonSchema,
  agentOptionNames,
  parseConfig,
  type RawConfig,
  secretOptionNames,
} from './parse-config.ts'

const connector = exampleConnector({
  config: z.object({
    socket: z.string().default('/run/docker.sock').describe('Socket of the engine.'),
    depth: z.int().min(1).optional(),
    ratio: z.number().optional(),
    follow: z.boolean().default(true),
    labels: z.array(z.string()).default([]),
    ports: z.array(z.int()).optional(),
    level: z.enum(['low', 'high']).optional(),
    size: z.union([z.literal(1), z.literal(2)]).optional(),
    timeout: duration().optional(),
    limits: z.object({ cpu: z.number() }).optional(),
  }),
})

function issuesOf(raw: RawConfig, of = connector): ConfigError['issues'] {
  try {
    parseConfig(of, raw)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  return []
}

describe('parseConfig', () => {
  test('applies defaults without any option', () => {
    const { runtime, config, settings, secrets } = parseConfig(connector)
    expect(runtime).toMatchObject({ log_level: 'info', collect_interval: '15s', max_batch_size: 100, retry_count: 3 })
    expect(config).toEqual({ socket: '/run/docker.sock', follow: true, labels: [] })
    expect(settings).toEqual({})
    expect(secrets).toEqual([])
  })

  test('drops repetitions from lists that are marked as distinct, and keeps other lists', () => {
    const lists = exampleConnector({
      config: z.object({
        names: distinct(z.array(z.string())).default([]),
        hosts: deploymentOnly(distinct(z.array(z.string()))).default([]),
        flags: z.array(z.string()).default([]),
      }),
    })
    const raw = { names: ['b', 'a', 'b'], hosts: 'a:1, a:1,b:2', flags: '-v,-v' }
    expect(parseConfig(lists, raw)).toMatchObject({
      config: { names: ['b', 'a'], hosts: ['a:1', 'b:2'], flags: ['-v', '-v'] },
      settings: { names: 'b,a', flags: '-v,-v' },
      deploymentSettings: { hosts: 'a:1,b:2' },
    })
    expect(issuesOf({ names: [1, 1] }, lists)).toHaveLength(1)
  })

  test('converts text to the type of the option', () => {
    const raw = {
      depth: ' 3 ',
      ratio: '-1.5e2',
      follow: 'FALSE',
      labels: 'a, b',
      ports: '80,443',
      level: 'high',
      size: '2',
      timeout: '15s',
      limits: '{"cpu":2}',
      retry_count: '0',
      max_batch_size: '1000',
      log_level: 'debug',
    }
    const { config, runtime } = parseConfig(connector, raw)
    expect(config).toEqual({
      socket: '/run/docker.sock',
      depth: 3,
      ratio: -150,
      follow: false,
      labels: ['a', 'b'],
      ports: [80, 443],
      level: 'high',
      size: 2,
      timeout: '15s',
      limits: { cpu: 2 },
    })
    expect(runtime).toMatchObject({ retry_count: 0, max_batch_size: 1000, log_level: 'debug' })
  })

  test('accepts a list as JSON, and an empty text as an empty list', () => {
    expect(parseConfig(connector, { labels: '["a,b","c"]' }).config).toMatchObject({ labels: ['a,b', 'c'] })
    expect(parseConfig(connector, { labels: '' }).config).toMatchObject({ labels: [] })
  })

  test('keeps text for an option that accepts text', () => {
    const loose = exampleConnector({ config: z.object({ tag: z.union([z.string(), z.number()]) }) })
    expect(parseConfig(loose, { tag: '007' }).config).toEqual({ tag: '007' })
  })

  test('follows references within a schema', () => {
    const port = z.int().meta({ id: 'Port' })
    const of = exampleConnector({ config: z.object({ port, other_port: port.optional() }) })
    expect(agentConfigJsonSchema(of).properties?.port).toEqual({ $ref: '#/$defs/Port' })
    expect(parseConfig(of, { port: '80', other_port: '81' }).config).toEqual({ port: 80, other_port: 81 })
  })

  test('reports every problem at once', () => {
    const issues = issuesOf({
      depth: 'deep',
      follow: 'maybe',
      level: 'mid',
      log_level: 'loud',
      sockt: 'x',
      unrelated: 1,
    })
    expect(issues.map((issue) => issue.path[0]).sort()).toEqual([
      'depth',
      'follow',
      'level',
      'log_level',
      'sockt',
      'unrelated',
    ])
    for (const { message } of issues) expect(message).toMatch(/[.?!]$/)
  })

  test.each([
    ['sockt', 'socket'],
    ['log-level', 'log_level'],
    ['LOG_LEVEL', 'log_level'],
    ['heartbeat_intervall', 'heartbeat_interval'],
  ])('suggests for the unknown option %s the option %s', (key, meant) => {
    expect(issuesOf({ [key]: 'x' })).toEqual([{ path: [key], message: `is not an option. Did you mean \`${meant}\`?` }])
  })

  test('lists the options for an unknown option without a similar name', () => {
    expect(issuesOf({ zzzzzzzzzz: 'x' })[0]?.message).toContain('The options are `socket`, `depth`')
  })

  test('reports the path to a value inside an option', () => {
    expect(issuesOf({ ports: '80,x' })[0]?.path).toEqual(['ports', 1])
    expect(issuesOf({ limits: '{"cpu":"x"}' })[0]?.path).toEqual(['limits', 'cpu'])
  })

  test.each([
    ['many', 'must be a whole number from 0 to 20, got "many".'],
    [21, 'must be a whole number from 0 to 20, got 21.'],
    [1.5, 'must be a whole number from 0 to 20, got 1.5.'],
    [{}, 'must be a whole number from 0 to 20, got a value of type object.'],
  ])('rejects the number %j with its limits', (value, message) => {
    expect(issuesOf({ retry_count: value })).toEqual([{ path: ['retry_count'], message }])
    expect(() => parseConfig(connector, { retry_count: value })).toThrow(`\`retry_count\` ${message}`)
  })

  test.each(['0s', '2d', '999999999999d', 'fast', '-5s'])('rejects the interval %s', (interval) => {
    expect(issuesOf({ collect_interval: interval })).toHaveLength(1)
    expect(issuesOf({ heartbeat_interval: interval })).toHaveLength(1)
  })

  test('explains the format of a duration', () => {
    expect(issuesOf({ timeout: '5 seconds' })[0]?.message).toContain('such as 500ms, 15s')
  })

  test('accepts options of any name if the schema allows them', () => {
    const open = exampleConnector({ config: z.looseObject({ known: z.number().optional() }) })
    expect(parseConfig(open, { known: '1', anything: 'x' }).config).toEqual({ known: 1, anything: 'x' })
    const numbers = exampleConnector({ config: z.object({}).catchall(z.number()) })
    expect(parseConfig(numbers, { anything: '5' }).config).toEqual({ anything: 5 })
  })

  test('rejects a schema with an asynchronous refinement', () => {
    const slow = exampleConnector({
      config: z.object({
        a: z
          .string()
          .refine(async () => true)
          .optional(),
      }),
    })
    expect(() => parseConfig(slow, { a: 'x' })).toThrow('must validate synchronously')
  })

  // Vitest fails for an unhandled rejection.
  test('rejects a schema whose transformation throws, and leaves no promise rejected', async () => {
    const throwing = exampleConnector({ config: z.object({ a: z.any().transform((text: string) => text.split(',')) }) })
    expect(() => parseConfig(throwing, { a: { b: 1 } })).toThrow('must validate synchronously')
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('rejects `__proto__` and `constructor` like any unknown option', () => {
    const raw = JSON.parse('{"__proto__": {"socket": "/evil"}, "constructor": "x"}') as RawConfig
    expect(issuesOf(raw).map((issue) => issue.path[0])).toEqual(['__proto__', 'constructor'])
  })
})

describe('agentConfigJsonSchema', () => {
  test('describes every option of an agent in one JSON Schema', () => {
    const { type, properties = {}, additionalProperties } = agentConfigJsonSchema(connector)
    expect(type).toBe('object')
    expect(additionalProperties).toBe(false)
    expect(properties.socket).toEqual({
      type: 'string',
      default: '/run/docker.sock',
      description: 'Socket of the engine.',
    })
    expect(properties.collect_interval).toMatchObject({ type: 'string', default: '15s' })
    expect(Object.keys(properties)).toContain('log_level')
  })
})

describe('settings', () => {
  test('returns the options that the operator set as text, in the operator’s order', () => {
    const { settings } = parseConfig(connector, {
      level: 'high',
      depth: 3,
      follow: false,
      log_level: undefined,
      labels: ['a', 'b'],
    })
    expect(Object.entries(settings)).toEqual([
      ['level', 'high'],
      ['depth', '3'],
      ['follow', 'false'],
      ['labels', 'a,b'],
    ])
  })

  test('parses settings back to the same configuration', () => {
    const texts = fc.array(fc.oneof(fc.string(), fc.constantFrom('', 'a,b', ' x ', '[1', '"', 'null', '{}')))
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.integer()),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (labels, ports, ratio) => {
          const { config, settings } = parseConfig(connector, { labels, ports, ratio })
          const { config: again } = parseConfig(connector, settings)
          // JSON and text have no negative zero.
          expect(again).toEqual({ ...(config as object), ratio: ratio + 0 })
        },
      ),
    )
  })
})

describe('secrets', () => {
  const guarded = exampleConnector({
    config: z.object({
      password: secret().optional(),
      trimmed: secret()
        .transform((text) => text.trim())
        .optional(),
      shared: secret().meta({ id: 'Shared' }).optional(),
      registry: z.object({ user: z.string(), password: secret() }).optional(),
      registries: z.array(z.object({ password: secret() })).optional(),
      tokens: z.record(z.string(), secret()).optional(),
      pair: z.tuple([z.string(), secret()]).optional(),
      either: z.union([z.object({ key: secret() }), z.string()]).optional(),
      list: z.array(z.string()).meta({ writeOnly: true }).optional(),
      pin: z.number().meta({ writeOnly: true }).optional(),
      mode: z.enum(['on', 'off']).meta({ writeOnly: true }).optional(),
      short: secret().max(3).optional(),
    }),
  })

  test.each<[string, unknown, string[]]>([
    ['password', 'hunter2', ['hunter2']],
    ['trimmed', ' hunter2 ', [' hunter2 ', 'hunter2']],
    ['shared', 'hunter2', ['hunter2']],
    ['registry', { user: 'bob', password: 'hunter2' }, ['hunter2']],
    ['registry', '{"user":"bob","password":"hunter2"}', ['hunter2']],
    ['registries', [{ password: 'hunter2' }, { password: 'hunter3' }], ['hunter2', 'hunter3']],
    ['tokens', { a: 'hunter2' }, ['hunter2']],
    ['pair', ['bob', 'hunter2'], ['hunter2']],
    ['either', { key: 'hunter2' }, ['hunter2']],
    ['list', 'hunter2,hunter3', ['hunter2,hunter3', 'hunter2', 'hunter3']],
    ['pin', '1234', ['1234']],
  ])('finds the secret of `%s` in %j', (key, value, secrets) => {
    expect(parseConfig(guarded, { [key]: value }).secrets).toEqual(secrets)
  })

  test('searches a schema that references itself to a bounded depth', () => {
    interface Node {
      key?: string | undefined
      next?: Node | undefined
    }
    const node: z.ZodType<Node> = z.lazy(() => z.object({ key: secret().optional(), next: node.optional() }))
    const of = exampleConnector({ config: z.object({ node: node.optional() }) })
    expect(parseConfig(of, { node: { next: { next: { key: 'deep' } } } }).secrets).toEqual(['deep'])
  })

  test('ignores references that are dangling or circular', () => {
    const schema: JsonSchema = {
      properties: {
        a: { $ref: '#/properties/a' },
        b: { $ref: '#/nowhere' },
        c: { anyOf: [{ $ref: '#/properties/c' }] },
      },
    }
    const validate = (value: unknown): { value: unknown } => ({ value })
    const describe = { input: () => schema as Record<string, unknown>, output: () => ({}) }
    const of = exampleConnector({
      config: { '~standard': { version: 1, vendor: 'x', validate, jsonSchema: describe } },
    })
    expect(parseConfig(of, { a: '1', b: '2', c: '3' }).config).toEqual({ a: '1', b: '2', c: '3' })
  })

  test.each<[string, unknown]>([
    ['mode', 'hunter2'],
    ['pin', 'hunter2'],
    ['short', 'hunter2'],
    ['registry', { user: 1, password: 'hunter2' }],
    ['registries', 'hunter2'],
  ])('does not show an invalid value of the secret `%s`', (key, value) => {
    try {
      parseConfig(guarded, { [key]: value })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('hunter2')
    }
  })

  test('redacts a secret in the message of a refinement', () => {
    const chatty = exampleConnector({
      config: z
        .object({ login: z.string(), password: secret() })
        .refine(() => false, { error: ({ input }) => `wrong: ${JSON.stringify(input)}` }),
    })
    const password = 'quote" and \\ and\nline'
    const issues = issuesOf({ login: 'bob', password }, chatty)
    expect(issues).toEqual([{ path: [], message: 'wrong: {"login":"bob","password":"[redacted]"}.' }])
  })
})

describe('deploymentOnly', () => {
  test('keeps `deploymentOnly` options out of the settings and the agent’s environment', () => {
    const deployed = exampleConnector({
      config: z.object({
        network: deploymentOnly(z.string()).optional().describe('Network of the container.'),
        image: deploymentOnly(z.string().min(3)).default('agent:latest'),
        depth: z.int().optional(),
      }),
    })
    const { config, settings, deploymentSettings } = parseConfig(deployed, {
      network: 'host',
      image: 'mine:1',
      depth: '3',
      log_level: 'debug',
    })
    expect(config).toEqual({ network: 'host', image: 'mine:1', depth: 3 })
    expect(settings).toEqual({ depth: '3', log_level: 'debug' })
    expect(deploymentSettings).toEqual({ network: 'host', image: 'mine:1' })
    expect(agentOptionNames(deployed)).toEqual(expect.arrayContaining(['depth', 'log_level', 'collect_interval']))
    expect(agentOptionNames(deployed)).not.toEqual(expect.arrayContaining(['network']))
    expect(agentConfigJsonSchema(deployed).properties?.network).toMatchObject({
      description: 'Network of the container.',
    })
    expect(issuesOf({ image: 'x' }, deployed)).toMatchObject([{ path: ['image'] }])
  })
})

describe('secretOptionNames', () => {
  test('returns the names of options that hold a secret at any depth', () => {
    const nested = exampleConnector({
      config: z.object({
        proxy: z.object({ host: z.string(), password: secret() }).optional(),
        key: secret().optional(),
        depth: z.int().optional(),
      }),
    })
    expect(secretOptionNames(nested, { proxy: { host: 'h', password: 'p' }, key: 'k', depth: 1 })).toEqual([
      'proxy',
      'key',
    ])
    expect(secretOptionNames(nested, { depth: 1, unknown: 'anything' })).toEqual(['unknown'])
  })
})
