import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

/**
 * A schema that can check a configuration and describe itself. Every library that implements Standard Schema and
 * Standard JSON Schema fits (zod 4.2 or newer, and others), in any version: core never sees the library's own classes.
 */
export interface ConfigSchema<Config = unknown> {
  readonly '~standard': StandardSchemaV1.Props<unknown, Config> & StandardJSONSchemaV1.Props<unknown, Config>
}

/** Result of a schema's check. */
export type ConfigOf<Schema extends ConfigSchema> = Schema extends ConfigSchema<infer Config> ? Config : never

/** The parts of JSON Schema (draft 2020-12) that core reads. Everything else is passed on unread. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly description?: string
  /** Marks a secret, as in OpenAPI: it may be written but never shown. */
  readonly writeOnly?: boolean
  /** Marks an option of the deployment command that the agent itself never reads. */
  readonly deploymentOnly?: boolean
  readonly [keyword: string]: unknown
}

/** Describes what an operator may write, as JSON Schema. */
export function configJsonSchema(schema: ConfigSchema): JsonSchema {
  return schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
}
