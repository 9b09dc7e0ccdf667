import { type ConfigOf, type ConfigSchema, configJsonSchema, type JsonSchema } from '../config/config-schema.ts'
import { toMilliseconds } from '../config/duration.ts'
import { partsOf, resolveReference } from '../config/json-schema.ts'
import { nearestName } from '../config/nearest-name.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { LIMITS } from '../platform/protocol.ts'
import { isSecretName } from '../redaction/secret-names.ts'
import type { Connector } from './connector.ts'

/** Marks a connector, for any copy of core. */
const MARK = Symbol.for('rca.connector')

/** Version of the contract that this core implements. */
export const CONTRACT = 1

/** Additions to the contract that this core supports, for `context.features`. */
export const FEATURES: ReadonlySet<string> = new Set([
  'unread',
  'environment-name',
  'deployment-required',
  'core-range',
  'metric-time',
])

export type ConnectorDefinition<Schema extends ConfigSchema, Client> = Omit<
  Connector<ConfigOf<Schema>, Client>,
  'config'
> & {
  readonly config: Schema
}

/** `docker`, or `vendor/name` for third parties. */
export const TYPE_PATTERN: RegExp = /^[a-z][a-z0-9-]*(?:\/[a-z][a-z0-9-]*)?$/

/** Names that no option may have: every shell sets these environment variables. */
const AMBIENT = new Set(
  'home host hostname lang language logname mail path pwd shell shlvl term tmpdir tz user username'.split(' '),
)

/** Environment variables that every agent reads beside its options. */
const RESERVED = new Set(['platform_api_url', 'agent_token', 'agent_token_file', 'agent_type'])

/**
 * Defines a connector, with the type of `config` inferred from the schema. Opens nothing.
 *
 * @throws {ConnectorError} if the definition breaks the contract, for example with an invalid `type` or option name, a
 * duplicate signal, or a collector and a watcher of the same name.
 */
export function defineConnector<Schema extends ConfigSchema, Client>(
  definition: ConnectorDefinition<Schema, Client>,
): Connector<ConfigOf<Schema>, Client> {
  if (typeof definition !== 'object' || definition === null)
    throw new ConnectorError('given to `defineConnector`', 'it must be an object.')
  const problem = problemOf(definition as unknown as Connector)
  if (problem !== undefined) throw new ConnectorError(`\`${String(definition.type)}\``, problem)

  return markConnector<Connector<ConfigOf<Schema>, Client>>({ ...definition } as unknown as Connector<
    ConfigOf<Schema>,
    Client
  >)
}

/** Marks a definition as a connector, without checking it. */
export function markConnector<Definition extends object>(definition: Definition): Definition {
  Object.defineProperties(definition, { contract: { value: CONTRACT }, [MARK]: { value: true } })
  return Object.freeze(definition)
}

/** Returns true for a connector that `defineConnector` of any copy of core made. */
export function isConnector(value: unknown): value is Connector & { readonly contract: number } {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

function problemOf(definition: Connector): string | undefined {
  if (typeof definition.type !== 'string' || !TYPE_PATTERN.test(definition.type))
    return '`type` must be lower case words joined by `-`, such as `docker`, or `vendor/name`.'
  return shapeProblem(definition) ?? optionProblem(definition) ?? signalProblem(definition) ?? readerProblem(definition)
}

const FUNCTIONS = ['deploy', 'connect', 'identify'] as const
const FIELDS = [
  ...['type', 'title', 'description', 'config', 'signals', ...FUNCTIONS],
  ...['disconnect', 'collectors', 'watchers', 'election', 'keyStore'],
]

/** Finds problems that the compiler reports to authors who use TypeScript. */
function shapeProblem(definition: Connector): string | undefined {
  const unknown = Object.keys(definition).find((key) => !FIELDS.includes(key))
  if (unknown !== undefined) {
    const meant = nearestName(unknown, FIELDS)
    return `\`${unknown}\` is not a field of a connector.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`
  }
  for (const name of ['title', 'description'] as const)
    if (typeof definition[name] !== 'string' || definition[name] === '')
      return `\`${name}\` must be a non-empty string.`
  for (const name of FUNCTIONS) if (typeof definition[name] !== 'function') return `\`${name}\` must be a function.`
  for (const name of ['disconnect', 'keyStore'] as const)
    if (definition[name] !== undefined && typeof definition[name] !== 'function')
      return `\`${name}\` must be a function.`
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

const SCHEMA_PROBLEM =
  '`config` must be a schema of a library that implements Standard Schema and Standard JSON Schema, such as zod 4.2 or newer.'

/** Advice for schemas without JSON Schema, by the vendor of Standard Schema. */
const SCHEMA_REMEDIES: ReadonlyMap<unknown, string> = new Map([
  [
    'zod',
    '`config` is a schema of zod 3, `zod/v3` or zod before 4.2, which has no JSON Schema. Use `zod` 4.2 or newer.',
  ],
  [
    'valibot',
    '`config` is a schema of valibot without JSON Schema. Wrap it in `toStandardJsonSchema` of `@valibot/to-json-schema`.',
  ],
])

function optionProblem({ config }: Connector): string | undefined {
  const { '~standard': standard } = config as {
    '~standard'?: { vendor?: unknown; jsonSchema?: { input?: unknown } }
  }
  if (typeof standard?.jsonSchema?.input !== 'function') return SCHEMA_REMEDIES.get(standard?.vendor) ?? SCHEMA_PROBLEM
  let schema: JsonSchema
  try {
    schema = configJsonSchema(config)
  } catch (error) {
    return `\`config\` cannot be described as JSON Schema (${(error as Error).message}). Use types that JSON has.`
  }
  const { properties = {}, required = [] } = schema
  for (const key of Object.keys(properties)) {
    if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(key))
      return `the option \`${key}\` must be snake_case: it becomes an environment variable.`
    if (Object.hasOwn(runtimeConfigSchema.shape, key))
      return `every agent already has an option \`${key}\`: choose another name.`
    if (AMBIENT.has(key) || RESERVED.has(key))
      return `the option \`${key}\` would be read from the environment variable ${key.toUpperCase()}, which already has a meaning: choose another name.`
    if (properties[key]?.deploymentOnly === true && required.includes(key))
      return `the option \`${key}\` is \`deploymentOnly\`, so the agent never receives it: give it a default, or make it optional.`
  }
  const unmarked = unmarkedSecret(schema)
  return unmarked === undefined
    ? undefined
    : `the option \`${unmarked}\` has the name of a secret: declare it with \`secret()\`, or, if its values are not secret, add \`writeOnly: false\` to its JSON Schema (in zod: \`.meta({ writeOnly: false })\`).`
}

/** A schema may reference itself. */
const MAX_SCHEMA_DEPTH = 32

/** Returns the path of an option that is called like a secret, and not said to be one or none. */
export function unmarkedSecret(schema: JsonSchema, root: JsonSchema = schema, depth = 0): string | undefined {
  if (depth > MAX_SCHEMA_DEPTH) return undefined
  const resolved = resolveReference(schema, root)
  for (const [name, option] of Object.entries(resolved.properties ?? {})) {
    const nested = unmarkedSecret(option, root, depth + 1)
    if (nested !== undefined) return `${name}.${nested}`
    const { properties, items, writeOnly } = resolveReference(option, root)
    if (properties === undefined && items === undefined && writeOnly === undefined && isSecretName(name)) return name
  }
  const { items, additionalProperties } = resolved
  const inside = [items, additionalProperties].filter((inner) => typeof inner === 'object')
  for (const inner of [...inside, ...partsOf(resolved)]) {
    const nested = unmarkedSecret(inner, root, depth + 1)
    if (nested !== undefined) return nested
  }
  return undefined
}

/** Names of signals, as in the semantic conventions of OpenTelemetry. */
export const NAME_PATTERN: RegExp = /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/

function signalProblem({ signals }: Connector): string | undefined {
  const seen = new Set<string>()
  for (const declared of Object.values(signals)) {
    const name = declared.signal === 'entity' ? declared.type : declared.name
    const key = `${declared.signal} \`${name}\``
    if (name === '' || name.length > LIMITS.name)
      return `the ${key} needs a name of 1 to ${LIMITS.name} characters in \`signals\`.`
    if (!NAME_PATTERN.test(name))
      return `the name of the ${key} must be lower case words joined by \`.\`, \`_\` or \`-\`, such as \`acme.queue.length\`.`
    if (declared.signal === 'metric' && declared.unit.length > LIMITS.unit)
      return `the unit of the ${key} is longer than ${LIMITS.unit} characters.`
    if (seen.has(key)) return `the ${key} is declared twice in \`signals\`.`
    seen.add(key)
  }
  return undefined
}

/** Shortest interval of a collector. */
const MIN_INTERVAL_MS = 1_000

/** Entries that core itself writes into `collectors` of heartbeats. */
const HEARTBEAT_NAMES = new Set(['connect', 'election'])

/** Finds a name that another entry in `collectors` of the heartbeats already has, or an invalid duration. */
function readerProblem({ collectors, watchers = {} }: Connector): string | undefined {
  for (const name of [...Object.keys(collectors), ...Object.keys(watchers)]) {
    if (name === '' || name.length > LIMITS.name || HEARTBEAT_NAMES.has(name))
      return `a collector or watcher cannot be called \`${name}\`: use a name of 1 to ${LIMITS.name} characters other than \`connect\` and \`election\`, which heartbeats reserve.`
    if (Object.hasOwn(collectors, name) && Object.hasOwn(watchers, name))
      return `\`${name}\` is the name of a collector and of a watcher: each needs a name of its own in heartbeats. Rename one of them.`
  }
  for (const [name, { interval, timeout }] of Object.entries(collectors))
    try {
      if (interval !== undefined && toMilliseconds(interval) < MIN_INTERVAL_MS)
        return `the \`interval\` of the collector \`${name}\` must be at least 1s, got ${interval}.`
      if (timeout !== undefined) toMilliseconds(timeout)
    } catch (error) {
      return `the collector \`${name}\` has an invalid \`interval\` or \`timeout\`: ${(error as Error).message}.`
    }
  return undefined
}
