import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { exampleConnector } from '../../test/example-connector.ts'
import { ConfigError } from '../errors/config-error.ts'
import type { JsonSchema } from './config-schema.ts'
import { deploymentOnly, duration, secret } from './options.ts'
import {
  agentConfigJsonSchema,
  agentOptionNames,
  parseConfig,
  type RawConfig,
  secretOptionNames,
} from './parse-config.ts'

const connector = exampleConnector({
  config: z.object({
    socket: z.string().default('/run/docker.sock').describe('Where the engine listens.'),
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

test('without any option the defaults hold', () => {
  const { runtime, config, settings, secrets } = parseConfig(connector)
  expect(runtime).toMatchObject({ log_level: 'info', collect_interval: '15s', max_batch_size: 100, retry_count: 3 })
  expect(config).toEqual({ socket: '/run/docker.sock', follow: true, labels: [] })
  expect(settings).toEqual({})
  expect(secrets).toEqual([])
})

test('text, as environment variables hold it, is read as the type that the option has', () => {
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

test('lists may be written as JSON, and an empty text is an empty list', () => {
  expect(parseConfig(connector, { labels: '["a,b","c"]' }).config).toMatchObject({ labels: ['a,b', 'c'] })
  expect(parseConfig(connector, { labels: '' }).config).toMatchObject({ labels: [] })
})

test('text of an option that takes text stays text', () => {
  const loose = exampleConnector({ config: z.object({ tag: z.union([z.string(), z.number()]) }) })
  expect(parseConfig(loose, { tag: '007' }).config).toEqual({ tag: '007' })
})

test('references within a schema are followed', () => {
  const port = z.int().meta({ id: 'Port' })
  const of = exampleConnector({ config: z.object({ port, other_port: port.optional() }) })
  expect(agentConfigJsonSchema(of).properties?.port).toEqual({ $ref: '#/$defs/Port' })
  expect(parseConfig(of, { port: '80', other_port: '81' }).config).toEqual({ port: 80, other_port: 81 })
})

test('everything that is wrong is said at once', () => {
  const issues = issuesOf({ depth: 'deep', follow: 'maybe', level: 'mid', log_level: 'loud', sockt: 'x', unrelated: 1 })
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
])('%s: did you mean %s?', (key, meant) => {
  expect(issuesOf({ [key]: 'x' })).toEqual([
    { path: [key], message: `there is no such option. Did you mean \`${meant}\`?` },
  ])
})

test('a key that is like no option gets the list of options', () => {
  expect(issuesOf({ zzzzzzzzzz: 'x' })[0]?.message).toContain('The options are `socket`, `depth`')
})

test('a path leads to the value inside an option', () => {
  expect(issuesOf({ ports: '80,x' })[0]?.path).toEqual(['ports', 1])
  expect(issuesOf({ limits: '{"cpu":"x"}' })[0]?.path).toEqual(['limits', 'cpu'])
})

test.each(['0s', '2d', '999999999999d', 'fast', '-5s'])('the interval %s is refused', (interval) => {
  expect(issuesOf({ collect_interval: interval })).toHaveLength(1)
  expect(issuesOf({ heartbeat_interval: interval })).toHaveLength(1)
})

test('a bad duration is told how to write one', () => {
  expect(issuesOf({ timeout: '5 seconds' })[0]?.message).toContain('such as 500ms, 15s')
})

test('a schema may leave room for options of any name', () => {
  const open = exampleConnector({ config: z.looseObject({ known: z.number().optional() }) })
  expect(parseConfig(open, { known: '1', anything: 'x' }).config).toEqual({ known: 1, anything: 'x' })
  const numbers = exampleConnector({ config: z.object({}).catchall(z.number()) })
  expect(parseConfig(numbers, { anything: '5' }).config).toEqual({ anything: 5 })
})

test('a check that takes its time is a mistake of the connector', () => {
  const slow = exampleConnector({
    config: z.object({
      a: z
        .string()
        .refine(async () => true)
        .optional(),
    }),
  })
  expect(() => parseConfig(slow, { a: 'x' })).toThrow('must check synchronously')
})

test('a key that means something to JavaScript is only a key', () => {
  const raw = JSON.parse('{"__proto__": {"socket": "/evil"}, "constructor": "x"}') as RawConfig
  expect(issuesOf(raw).map((issue) => issue.path[0])).toEqual(['__proto__', 'constructor'])
})

test('one JSON Schema describes every option of an agent', () => {
  const { type, properties = {}, additionalProperties } = agentConfigJsonSchema(connector)
  expect(type).toBe('object')
  expect(additionalProperties).toBe(false)
  expect(properties.socket).toEqual({
    type: 'string',
    default: '/run/docker.sock',
    description: 'Where the engine listens.',
  })
  expect(properties.collect_interval).toMatchObject({ type: 'string', default: '15s' })
  expect(Object.keys(properties)).toContain('log_level')
})

test('settings are what the operator wrote, in their order, as text', () => {
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

test('settings are read back as what they were', () => {
  const texts = fc.array(fc.oneof(fc.string(), fc.constantFrom('', 'a,b', ' x ', '[1', '"', 'null', '{}')))
  fc.assert(
    fc.property(
      texts,
      fc.array(fc.integer()),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (labels, ports, ratio) => {
        const { config, settings } = parseConfig(connector, { labels, ports, ratio })
        const { config: again } = parseConfig(connector, settings)
        // JSON and text know no negative zero.
        expect(again).toEqual({ ...(config as object), ratio: ratio + 0 })
      },
    ),
  )
})

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
])('the secret in %s is found in %j', (key, value, secrets) => {
  expect(parseConfig(guarded, { [key]: value }).secrets).toEqual(secrets)
})

test('a schema that refers to itself is searched to a bounded depth', () => {
  interface Node {
    key?: string | undefined
    next?: Node | undefined
  }
  const node: z.ZodType<Node> = z.lazy(() => z.object({ key: secret().optional(), next: node.optional() }))
  const of = exampleConnector({ config: z.object({ node: node.optional() }) })
  expect(parseConfig(of, { node: { next: { next: { key: 'deep' } } } }).secrets).toEqual(['deep'])
})

test('references that lead nowhere or in circles are no trouble', () => {
  const schema: JsonSchema = {
    properties: { a: { $ref: '#/properties/a' }, b: { $ref: '#/nowhere' }, c: { anyOf: [{ $ref: '#/properties/c' }] } },
  }
  const validate = (value: unknown): { value: unknown } => ({ value })
  const describe = { input: () => schema as Record<string, unknown>, output: () => ({}) }
  const of = exampleConnector({ config: { '~standard': { version: 1, vendor: 'x', validate, jsonSchema: describe } } })
  expect(parseConfig(of, { a: '1', b: '2', c: '3' }).config).toEqual({ a: '1', b: '2', c: '3' })
})

test.each<[string, unknown]>([
  ['mode', 'hunter2'],
  ['pin', 'hunter2'],
  ['short', 'hunter2'],
  ['registry', { user: 1, password: 'hunter2' }],
  ['registries', 'hunter2'],
])('a wrong secret in %s is not shown', (key, value) => {
  try {
    parseConfig(guarded, { [key]: value })
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('hunter2')
  }
})

test('a check that repeats a secret is silenced', () => {
  const chatty = exampleConnector({
    config: z
      .object({ login: z.string(), password: secret() })
      .refine(() => false, { error: ({ input }) => `wrong: ${JSON.stringify(input)}` }),
  })
  const password = 'quote" and \\ and\nline'
  const issues = issuesOf({ login: 'bob', password }, chatty)
  expect(issues).toEqual([{ path: [], message: 'wrong: {"login":"bob","password":"[redacted]"}.' }])
})

test('options of the deployment alone reach neither the settings nor the agent’s environment', () => {
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

test('the names of options that hold a secret are found, however deep it stands', () => {
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
