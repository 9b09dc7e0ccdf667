import { z } from 'zod'
import { type Duration, toMilliseconds } from './duration.ts'
import { duration } from './option-schemas.ts'

/** Maximum interval that the protocol accepts in a heartbeat. */
const MAX_INTERVAL: Duration = '1d'

/** Declares an interval: longer than 0, to prevent a busy loop. `maxDuration` is its limit in JSON Schema. */
function interval(): z.ZodType<Duration, Duration> {
  const isWithinLimits = (text: Duration): boolean =>
    toMilliseconds(text) > 0 && toMilliseconds(text) <= toMilliseconds(MAX_INTERVAL)
  return duration()
    .refine(isWithinLimits, `must be longer than 0 and at most ${MAX_INTERVAL}`)
    .meta({ maxDuration: MAX_INTERVAL })
}

/** Declares a whole number. Errors show the value, which is not a secret. */
function wholeNumber(min: number, max: number): z.ZodInt {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `must be a whole number from ${min} to ${max}, got ${shown(input)}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

function shown(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input)
  return typeof input === 'number' ? String(input) : `a value of type ${typeof input}`
}

/** Options that every agent has. A flat record holds them together with the connector's own options. */
export const runtimeConfigSchema = z.object({
  log_level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severe messages that the agent logs.'),
  collect_interval: interval().default('15s').describe('Interval between collections.'),
  heartbeat_interval: interval()
    .optional()
    .describe('Interval between heartbeats. By default the platform sets it (30s).'),
  max_batch_size: wholeNumber(1, 1000).default(100).describe('Maximum number of reports in a request.'),
  max_queue_size: wholeNumber(1, 4096)
    .default(64)
    .describe('Maximum size of the queue of reports while the platform is unreachable, in MiB.'),
  retry_count: wholeNumber(0, 20)
    .default(3)
    .describe('Number of quick retries of a failed request, before the agent waits longer.'),
})

/** The validated options that every agent has. */
export type RuntimeConfig = z.output<typeof runtimeConfigSchema>
