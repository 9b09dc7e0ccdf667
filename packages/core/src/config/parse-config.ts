import { closest, distance } from 'fastest-levenshtein'
import type { Connector } from '../connector.ts'
import { ConfigError, type ConfigIssue } from '../errors/config-error.ts'
import { coerceText } from './coerce-text.ts'
import { type ConfigSchema, configJsonSchema, type JsonSchema } from './config-schema.ts'
import { type RuntimeConfig, runtimeConfigSchema } from './runtime-config.ts'

/** What an operator writes: one flat record of snake_case keys. Text is accepted for every option, as in environment variables. */
export type RawConfig = Readonly<Record<string, unknown>>

/** A configuration that was checked. */
export interface ParsedConfig<Config> {
  /** The options that every agent has. */
  readonly runtime: RuntimeConfig
  /** The connector's own options, with defaults. */
  readonly config: Config
  /** Only what the operator wrote, in their order, as text. */
  readonly settings: Readonly<Record<string, string>>
  /** Values that must never leave the process, marked by the schema. */
  readonly secrets: readonly string[]
}

/** Every option that an agent of this type takes, as one JSON Schema. */
export function agentConfigJsonSchema(connector: Connector): JsonSchema {
  const own = configJsonSchema(connector.config)
  const shared = configJsonSchema(runtimeConfigSchema)
  return {
    ...own,
    type: 'object',
    properties: { ...own.properties, ...shared.properties },
    additionalProperties: own.additionalProperties ?? false,
  }
}

/**
 * Checks what an operator wrote against the options that every agent has and the connector's own.
 *
 * @throws {ConfigError} naming every unknown key (with a suggestion) and every bad value.
 */
export function parseConfig<Config>(connector: Connector<Config>, raw: RawConfig = {}): ParsedConfig<Config> {
  const schema = agentConfigJsonSchema(connector)
  const properties = schema.properties ?? {}
  const shared = configJsonSchema(runtimeConfigSchema).properties ?? {}
  const open = schema.additionalProperties !== false
  const written = Object.entries(raw).filter(([, value]) => value !== undefined)

  const issues: ConfigIssue[] = []
  const forRuntime: Record<string, unknown> = {}
  const forConnector: Record<string, unknown> = {}
  for (const [key, value] of written) {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined && !open) issues.push({ path: [key], message: unknownKey(key, Object.keys(properties)) })
    else if (Object.hasOwn(shared, key)) forRuntime[key] = coerceText(value, property ?? {})
    else forConnector[key] = coerceText(value, property ?? {})
  }
  const runtime = check(runtimeConfigSchema, forRuntime, issues)
  const config = check(connector.config as ConfigSchema<Config>, forConnector, issues)
  if (runtime === undefined || config === undefined || issues.length > 0) throw new ConfigError(connector.type, issues)

  return {
    runtime: runtime.value,
    config: config.value,
    settings: Object.fromEntries(written.map(([key, value]) => [key, toText(value)])),
    secrets: written.filter(([key]) => properties[key]?.writeOnly === true).map(([, value]) => toText(value)),
  }
}

function check<Config>(
  schema: ConfigSchema<Config>,
  value: unknown,
  issues: ConfigIssue[],
): { value: Config } | undefined {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise)
    throw new TypeError('A configuration schema must check synchronously: remove its asynchronous refinements')
  if (result.issues === undefined) return { value: result.value }
  for (const issue of result.issues) {
    const path = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment))
    issues.push({
      path: path.map((key) => (typeof key === 'number' ? key : String(key))),
      message: sentence(issue.message),
    })
  }
  return undefined
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = known.length > 0 ? closest(key.toLowerCase().replaceAll('-', '_'), [...known]) : undefined
  const suggestion =
    nearest !== undefined && distance(key.toLowerCase(), nearest) <= Math.max(2, Math.floor(nearest.length / 3))
      ? nearest
      : undefined
  return suggestion === undefined
    ? `there is no such option. The options are ${known.map((name) => `\`${name}\``).join(', ')}.`
    : `there is no such option. Did you mean \`${suggestion}\`?`
}

function toText(value: unknown): string {
  if (Array.isArray(value) && value.every((element) => typeof element !== 'object')) return value.join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`
}
