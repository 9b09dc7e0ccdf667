import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

/** A schema of any library that implements Standard Schema and Standard JSON Schema, such as zod 4.2 or newer. */
export interface ConfigSchema<Config = unknown> {
  readonly '~standard': StandardSchemaV1.Props<unknown, Config> & StandardJSONSchemaV1.Props<unknown, Config>
}

/** Output type of a schema. */
export type ConfigOf<Schema extends ConfigSchema> = Schema extends ConfigSchema<infer Config> ? Config : never

/** The parts of JSON Schema (draft 2020-12) that core reads. Other keywords are passed on unchanged. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly description?: string
  /** Marks a secret, as in OpenAPI. */
  readonly writeOnly?: boolean
  /** Marks an option of the deployment command that the agent does not read. */
  readonly deploymentOnly?: boolean
  readonly deploymentRequired?: boolean
  /** Marks a list in which repetitions mean nothing. */
  readonly distinct?: boolean
  readonly [keyword: string]: unknown
}

/** Returns the JSON Schema of a configuration as an operator writes it. */
export function configJsonSchema(schema: ConfigSchema): JsonSchema {
  return schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
}
