import { z } from 'zod'
import { DURATION_PATTERN, type Duration } from './duration.ts'

/**
 * Declares a secret option, such as a password or a key. Core redacts its value in reports, logs and errors.
 *
 * In JSON Schema it is a string with `writeOnly: true` and `format: password`, for connectors with another schema
 * library.
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

/**
 * Marks an option of the deployment command that the agent does not read, such as a container's name. It is not
 * passed to the agent, and the agent does not read it from its environment, where `NETWORK` or `PLATFORM` may have
 * another meaning.
 *
 * In JSON Schema it is the keyword `deploymentOnly`, for connectors with another schema library.
 */
export function deploymentOnly<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ deploymentOnly: true })
}

/** Option schemas that zod does not have. */
export const option = { secret, duration, deploymentOnly } as const
