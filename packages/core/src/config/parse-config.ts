import type { Connector } from '../connector/connector.ts'
import { ConfigError, type ConfigIssue } from '../errors/config-error.ts'
import { createSecretReplacer } from '../redaction/secret-replacer.ts'
import { coerceText } from './coerce-text.ts'
import { type ConfigSchema, configJsonSchema, type JsonSchema } from './config-schema.ts'
import { secretsIn } from './json-schema.ts'
import { nearestName } from './nearest-name.ts'
import { type RuntimeConfig, runtimeConfigSchema } from './runtime-config.ts'

/** Options as an operator writes them, by snake_case name. Each may be text, as in an environment variable. */
export type RawConfig = Readonly<Record<string, unknown>>

/** A validated configuration. */
export interface ParsedConfig<Config> {
  /** Options that every agent has. */
  readonly runtime: RuntimeConfig
  /** The connector's own options, including defaults. */
  readonly config: Config
  /** Options for the agent that the operator set, as text, in the operator's order. */
  readonly settings: Readonly<Record<string, string>>
  /** `deploymentOnly` options that the operator set, as text, in the operator's order. */
  readonly deploymentSettings: Readonly<Record<string, string>>
  /** Values that the schema marks as secret. They must never leave the process. */
  readonly secrets: readonly string[]
}

/** Returns a JSON Schema of every option of an agent of this type. */
export function agentConfigJsonSchema(connector: Connector): JsonSchema {
  return withSharedOptions(configJsonSchema(connector.config))
}

/** Adds the options of every agent to the JSON Schema of a connector's own. */
export function withSharedOptions(own: JsonSchema): JsonSchema {
  const shared = configJsonSchema(runtimeConfigSchema)
  return {
    ...own,
    type: 'object',
    properties: { ...own.properties, ...shared.properties },
    additionalProperties: own.additionalProperties ?? false,
  }
}

/** Returns the names of the options that an agent of this type reads, for example from its environment. */
export function agentOptionNames(connector: Connector): string[] {
  const { properties = {} } = agentConfigJsonSchema(connector)
  return Object.keys(properties).filter((key) => isForAgent(properties[key]))
}

/** Returns the names of options that hold a secret at any depth, or that the schema does not describe. */
export function secretOptionNames(connector: Connector, config: RawConfig): string[] {
  const schema = agentConfigJsonSchema(connector)
  const { properties = {} } = schema
  return Object.keys(config).filter((key) => {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    return property === undefined || secretsIn(config[key], property, schema).length > 0
  })
}

/**
 * Validates a configuration. @throws {ConfigError} with every unknown option, a suggestion, and every invalid value.
 */
export function parseConfig<Config>(connector: Connector<Config>, raw: RawConfig = {}): ParsedConfig<Config> {
  const schema = agentConfigJsonSchema(connector)
  const properties = schema.properties ?? {}
  const shared = configJsonSchema(runtimeConfigSchema).properties ?? {}
  const { additionalProperties: others = false } = schema
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new ConfigError(connector.type, [{ path: [], message: 'It must be an object of options and values.' }])
  const written = Object.entries(raw).filter(([, value]) => value !== undefined)

  const issues: ConfigIssue[] = []
  const forRuntime: [string, unknown][] = []
  const forConnector: [string, unknown][] = []
  for (const [key, value] of written) {
    const property = Object.hasOwn(properties, key) ? properties[key] : others
    if (property === false) issues.push({ path: [key], message: unknownKey(key, Object.keys(properties)) })
    else if (Object.hasOwn(shared, key)) forRuntime.push([key, optionValue(value, property, schema)])
    else forConnector.push([key, optionValue(value, property, schema)])
  }
  const runtime = check(runtimeConfigSchema, Object.fromEntries(forRuntime), properties, issues)
  const config = check(connector.config as ConfigSchema<Config>, Object.fromEntries(forConnector), properties, issues)
  // Before coercion, after coercion, and after validation, which may trim white space.
  const values = [Object.fromEntries(written), Object.fromEntries(forConnector), config?.value]
  const secrets = [...new Set(values.flatMap((value) => secretsIn(value, schema, schema)))]
  if (runtime === undefined || config === undefined || issues.length > 0) {
    const redact = createSecretReplacer(secrets)
    const shown = issues.map(({ path, message }) => ({ path, message: redact(message) }))
    throw new ConfigError(connector.type, shown)
  }

  const plain = written.map(
    ([key, value]) =>
      [key, properties[key]?.distinct === true ? optionValue(value, properties[key], schema) : value] as const,
  )
  return {
    runtime: runtime.value,
    config: config.value,
    settings: toTexts(plain.filter(([key]) => isForAgent(properties[key]))),
    deploymentSettings: toTexts(plain.filter(([key]) => !isForAgent(properties[key]))),
    secrets,
  }
}

function isForAgent(property: JsonSchema | undefined): boolean {
  return property?.deploymentOnly !== true
}

/** Converts text to the option's type, and drops repetitions from a list that is marked as `distinct`. */
function optionValue(written: unknown, property: JsonSchema | boolean | undefined, root: JsonSchema): unknown {
  const schema = asSchema(property)
  const value = coerceText(written, schema, root)
  return schema.distinct === true && Array.isArray(value) ? [...new Set<unknown>(value)] : value
}

function asSchema(property: JsonSchema | boolean | undefined): JsonSchema {
  return typeof property === 'object' ? property : {}
}

function check<Config>(
  schema: ConfigSchema<Config>,
  value: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, JsonSchema>>,
  issues: ConfigIssue[],
): { value: Config } | undefined {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    // Zod validates again, asynchronously, if a transformation throws: its rejection would end the process.
    result.catch(() => undefined)
    throw new TypeError('A configuration schema must validate synchronously: remove its asynchronous refinements')
  }
  if (result.issues === undefined) return { value: result.value }
  for (const issue of result.issues) {
    const path = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment))
    const [option] = path
    const isMissing = path.length === 1 && typeof option === 'string' && value[option] === undefined
    issues.push({
      path: path.map((key) => (typeof key === 'number' ? key : String(key))),
      message: isMissing ? missing(properties[option]) : sentence(issue.message),
    })
  }
  return undefined
}

function missing(option: JsonSchema | undefined): string {
  return `is missing.${option?.description === undefined ? '' : ` ${sentence(option.description)}`}`
}

function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = nearestName(key.toLowerCase().replaceAll('-', '_'), known)
  return suggestion === undefined
    ? `is not an option. The options are ${known.map((name) => `\`${name}\``).join(', ')}.`
    : `is not an option. Did you mean \`${suggestion}\`?`
}

function toTexts(written: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(written.map(([key, value]) => [key, toText(value)]))
}

/** Converts a value to the text of an environment variable. Inverse of `coerceText`. */
function toText(value: unknown): string {
  if (Array.isArray(value) && value.every(isListElement) && !(value.length === 1 && value[0] === '')) {
    const list = value.join(',')
    if (!list.startsWith('[')) return list
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isListElement(element: unknown): boolean {
  return typeof element === 'string'
    ? element.trim() === element && !element.includes(',')
    : typeof element === 'number' || typeof element === 'boolean'
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`
}
