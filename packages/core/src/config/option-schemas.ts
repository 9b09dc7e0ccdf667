import { z } from 'zod'
import { DURATION_PATTERN, type Duration } from './duration.ts'

/**
 * Declares a secret option, which core redacts in reports, logs and errors. With another schema library than zod,
 * declare `writeOnly: true` and `format: password` in JSON Schema.
 */
export function secret(): z.ZodString {
  return z.string().min(1).meta({ writeOnly: true, format: 'password' })
}

/** Declares an option that holds a {@link Duration}, such as `15s`. */
export function duration(): z.ZodType<Duration, Duration> {
  return z.string().regex(DURATION_PATTERN, {
    error: 'must be a whole number and a unit, such as 500ms, 15s, 10m, 1h or 7d',
    abort: true,
  }) as unknown as z.ZodType<Duration, Duration>
}

/** Options of `option.deploymentOnly`. */
interface DeploymentOnlyOptions {
  /**
   * Requires the option for a deployment, though its schema is optional for the agent. With another schema library,
   * declare the keyword `deploymentRequired`. @default false
   */
  readonly required?: boolean
}

/**
 * Marks an option of the deployment command, such as a container's name. The agent neither receives it nor reads it
 * from its environment, where `NETWORK` may have another meaning. With another schema library, declare the keyword
 * `deploymentOnly`.
 */
export function deploymentOnly<Schema extends z.ZodType>(
  schema: Schema,
  { required = false }: DeploymentOnlyOptions = {},
): Schema {
  return schema.meta({ deploymentOnly: true, ...(required ? { deploymentRequired: true } : {}) })
}

/**
 * Marks a list of names in which repetitions mean nothing: core drops them, and the command contains each element once.
 * With another schema library, declare the keyword `distinct`.
 */
export function distinct<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ distinct: true })
}

/** Option schemas that zod does not have. */
export const option = { secret, duration, deploymentOnly, distinct } as const
