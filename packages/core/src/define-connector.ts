import type { ConfigOf, ConfigSchema } from './config/config-schema.ts'
import { configJsonSchema } from './config/config-schema.ts'
import { runtimeConfigSchema } from './config/runtime-config.ts'
import type { Connector } from './connector.ts'
import { ConnectorError } from './errors/connector-error.ts'

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
 * @throws {ConnectorError} when the definition breaks the contract: a bad type, an option's name that cannot be used, a signal declared twice.
 */
export function defineConnector<Schema extends ConfigSchema, Client>(
  definition: ConnectorDefinition<Schema, Client>,
): Connector<ConfigOf<Schema>, Client> {
  const problem = problemOf(definition as unknown as Omit<Connector, 'contract'>)
  if (problem !== undefined) throw new ConnectorError(`\`${definition.type}\``, problem)
  const connector = { ...definition, contract: CONTRACT as 1 }
  Object.defineProperty(connector, MARK, { value: true })
  return Object.freeze(connector) as unknown as Connector<ConfigOf<Schema>, Client>
}

/** Whether `value` was made by `defineConnector` of any copy of core. */
export function isConnector(value: unknown): value is Connector {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

function problemOf(definition: Omit<Connector, 'contract'>): string | undefined {
  if (!TYPE_PATTERN.test(definition.type))
    return '`type` must be lower case words joined by `-`, such as `docker`, or `vendor/name`.'
  for (const key of Object.keys(configJsonSchema(definition.config).properties ?? {})) {
    if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(key))
      return `the option \`${key}\` must be snake_case: it becomes an environment variable.`
    if (Object.hasOwn(runtimeConfigSchema.shape, key))
      return `the option \`${key}\` is one that every agent already has: choose another name.`
    if (AMBIENT.has(key) || RESERVED.has(key))
      return `the option \`${key}\` would be read from the environment variable ${key.toUpperCase()}, which has another meaning: choose another name.`
  }
  return duplicateSignal(definition)
}

function duplicateSignal(definition: Omit<Connector, 'contract'>): string | undefined {
  const seen = new Set<string>()
  for (const declared of Object.values(definition.signals)) {
    const name = declared.signal === 'entity' ? declared.type : declared.name
    const key = `${declared.signal} \`${name}\``
    if (seen.has(key)) return `the ${key} is declared twice in \`signals\`.`
    seen.add(key)
  }
  return undefined
}
