import { type ConfigOf, type ConfigSchema, configJsonSchema, type JsonSchema } from '../config/config-schema.ts'
import { toMilliseconds } from '../config/duration.ts'
import { nearestName } from '../config/nearest-name.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { LIMITS } from '../platform/protocol.ts'
import type { Connector } from './connector.ts'

/** Marks a connector, whichever copy of core made it. */
const MARK = Symbol.for('rca.connector')

/** The contract's number that this core speaks. */
export const CONTRACT = 1

/** What an author writes: the contract without its number, which is this core's. */
export type ConnectorDefinition<Schema extends ConfigSchema, Client> = Omit<
  Connector<ConfigOf<Schema>, Client>,
  'contract' | 'config'
> & {
  readonly config: Schema
}

/** `docker`, or `vendor/name` for third parties. */
export const TYPE_PATTERN: RegExp = /^[a-z][a-z0-9-]*(?:\/[a-z][a-z0-9-]*)?$/

/** Variables that every shell sets: an option of that name would be filled by accident. */
const AMBIENT = new Set([
  'home',
  'host',
  'hostname',
  'lang',
  'language',
  'logname',
  'mail',
  'path',
  'pwd',
  'shell',
  'shlvl',
  'term',
  'tmpdir',
  'tz',
  'user',
  'username',
])

/** Names that every agent gets beside its configuration. */
const RESERVED = new Set(['platform_api_url', 'agent_token', 'agent_token_file', 'agent_type'])

/**
 * Makes a connector. The type of `config` in `deploy` and `connect` is inferred from the schema. Opens nothing.
 *
 * @throws {ConnectorError} when the definition breaks the contract: a bad type, an option's name that cannot be used, a signal declared twice, a collector and a watcher of one name.
 */
export function defineConnector<Schema extends ConfigSchema, Client>(
  definition: ConnectorDefinition<Schema, Client>,
): Connector<ConfigOf<Schema>, Client> {
  if (typeof definition !== 'object' || definition === null)
    throw new ConnectorError('given to `defineConnector`', 'it is no object.')
  const problem = problemOf(definition as unknown as Omit<Connector, 'contract'>)
  if (problem !== undefined) throw new ConnectorError(`\`${String(definition.type)}\``, problem)
  const connector = { ...definition, contract: CONTRACT as 1 }
  Object.defineProperty(connector, MARK, { value: true })
  return Object.freeze(connector) as unknown as Connector<ConfigOf<Schema>, Client>
}

/** Whether `value` was made by `defineConnector` of any copy of core. */
export function isConnector(value: unknown): value is Connector {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

type Definition = Omit<Connector, 'contract'>

function problemOf(definition: Definition): string | undefined {
  if (typeof definition.type !== 'string' || !TYPE_PATTERN.test(definition.type))
    return '`type` must be lower case words joined by `-`, such as `docker`, or `vendor/name`.'
  return shapeProblem(definition) ?? optionProblem(definition) ?? signalProblem(definition) ?? readerProblem(definition)
}

const FUNCTIONS = ['deploy', 'connect', 'identify', 'disconnect'] as const
const FIELDS = ['type', 'title', 'description', 'config', 'signals', ...FUNCTIONS, 'collectors', 'watchers', 'election']

/** What the compiler finds for those who have one. */
function shapeProblem(definition: Definition): string | undefined {
  const unknown = Object.keys(definition).find((key) => !FIELDS.includes(key))
  if (unknown !== undefined) {
    const meant = nearestName(unknown, FIELDS)
    return `\`${unknown}\` is no part of a connector.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`
  }
  for (const name of ['title', 'description'] as const)
    if (typeof definition[name] !== 'string' || definition[name] === '') return `\`${name}\` must be a text.`
  for (const name of FUNCTIONS) if (typeof definition[name] !== 'function') return `\`${name}\` must be a function.`
  for (const name of ['config', 'signals', 'collectors'] as const)
    if (typeof definition[name] !== 'object' || definition[name] === null) return `\`${name}\` must be an object.`
  for (const [name, collector] of Object.entries(definition.collectors))
    if (typeof collector?.collect !== 'function')
      return `the collector \`${name}\` must be an object with a function \`collect\`.`
  for (const [name, watcher] of Object.entries(definition.watchers ?? {}))
    if (typeof watcher?.watch !== 'function')
      return `the watcher \`${name}\` must be an object with a function \`watch\`.`
  if (definition.election !== undefined && typeof definition.election?.run !== 'function')
    return '`election` must be an object with a function `run`.'
  return undefined
}

function optionProblem({ config }: Definition): string | undefined {
  let schema: JsonSchema
  try {
    schema = configJsonSchema(config)
  } catch (error) {
    return `\`config\` cannot be described as JSON Schema (${(error as Error).message}): use a library that implements Standard Schema and Standard JSON Schema, such as zod 4.2 or newer, and types that JSON has.`
  }
  const { properties = {}, required = [] } = schema
  for (const key of Object.keys(properties)) {
    if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(key))
      return `the option \`${key}\` must be snake_case: it becomes an environment variable.`
    if (Object.hasOwn(runtimeConfigSchema.shape, key))
      return `the option \`${key}\` is one that every agent already has: choose another name.`
    if (AMBIENT.has(key) || RESERVED.has(key))
      return `the option \`${key}\` would be read from the environment variable ${key.toUpperCase()}, which has another meaning: choose another name.`
    if (properties[key]?.deploymentOnly === true && required.includes(key))
      return `the option \`${key}\` is for the command alone, and the agent never gets it: give it a default, or make it optional.`
  }
  return undefined
}

function signalProblem({ signals }: Definition): string | undefined {
  const seen = new Set<string>()
  for (const declared of Object.values(signals)) {
    const name = declared.signal === 'entity' ? declared.type : declared.name
    const key = `${declared.signal} \`${name}\``
    if (name === '' || name.length > LIMITS.name)
      return `the ${key} needs a name of 1 to ${LIMITS.name} characters in \`signals\`.`
    if (declared.signal === 'metric' && declared.unit.length > LIMITS.unit)
      return `the unit of the ${key} is longer than ${LIMITS.unit} characters.`
    if (seen.has(key)) return `the ${key} is declared twice in \`signals\`.`
    seen.add(key)
  }
  return undefined
}

/** What stands in `collectors` of heartbeats beside collectors and watchers. */
const HEARTBEAT_NAMES = new Set(['connect', 'election'])

/** Collectors and watchers stand side by side in `collectors` of every heartbeat, and `connect` and `election` stand there too. */
function readerProblem({ collectors, watchers = {} }: Definition): string | undefined {
  for (const name of [...Object.keys(collectors), ...Object.keys(watchers)]) {
    if (name === '' || name.length > LIMITS.name || HEARTBEAT_NAMES.has(name))
      return `no collector or watcher can be called \`${name}\`: heartbeats need a name of 1 to ${LIMITS.name} characters, and \`connect\` and \`election\` are theirs.`
    if (Object.hasOwn(collectors, name) && Object.hasOwn(watchers, name))
      return `\`${name}\` is the name of a collector and of a watcher: heartbeats could not tell them apart.`
  }
  for (const [name, { interval, timeout }] of Object.entries(collectors))
    try {
      if (interval !== undefined) toMilliseconds(interval)
      if (timeout !== undefined) toMilliseconds(timeout)
    } catch (error) {
      return `the collector \`${name}\` has a bad \`interval\` or \`timeout\`: ${(error as Error).message}.`
    }
  return undefined
}
