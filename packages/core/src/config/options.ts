import { z } from 'zod'
import { DURATION_PATTERN, type Duration } from './duration.ts'

/**
 * A secret option: a password, a key. Core takes its value out of reports, logs and errors.
 *
 * It is an ordinary string marked `writeOnly` and `format: password` in JSON Schema; a connector that uses another schema
 * library marks its own secrets in the same way.
 */
export function secret(): z.ZodString {
  return z.string().min(1).meta({ writeOnly: true, format: 'password' })
}

/** An option that holds a {@link Duration}, such as `15s`. */
export function duration(): z.ZodType<Duration, Duration> {
  return z.string().regex(DURATION_PATTERN, {
    error: 'write a whole number and a unit, such as 500ms, 15s, 10m, 1h or 7d',
    abort: true,
  }) as unknown as z.ZodType<Duration, Duration>
}

/**
 * Marks an option that shapes the command and means nothing to the agent that it deploys, such as a container's name. It
 * is not handed on to the agent, which does not read it from its environment either: `NETWORK` or `PLATFORM` may be set
 * there for other reasons.
 *
 * In JSON Schema it is the keyword `deploymentOnly`, for connectors with another schema library.
 */
export function deploymentOnly<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ deploymentOnly: true })
}

/** Schemas of options that zod has no types for. */
export const option = { secret, duration, deploymentOnly } as const
