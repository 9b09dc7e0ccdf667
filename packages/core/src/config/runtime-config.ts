import { z } from 'zod'
import { type Duration, toMilliseconds } from './duration.ts'
import { duration } from './options.ts'

/** Longest interval that a heartbeat may announce. */
const MAX_INTERVAL: Duration = '1d'

/** An interval: longer than 0, so that it makes no busy loop. `maxDuration` shows its limit in JSON Schema. */
function interval(): z.ZodType<Duration, Duration> {
  const isWithinLimits = (text: Duration): boolean =>
    toMilliseconds(text) > 0 && toMilliseconds(text) <= toMilliseconds(MAX_INTERVAL)
  return duration()
    .refine(isWithinLimits, `must be longer than 0 and at most ${MAX_INTERVAL}`)
    .meta({ maxDuration: MAX_INTERVAL })
}

/** Options that every agent has, whatever its type. The connector's own options stand beside them in the same flat record. */
export const runtimeConfigSchema = z.object({
  log_level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severe messages that the agent logs.'),
  collect_interval: interval().default('15s').describe('How often the agent collects.'),
  heartbeat_interval: interval()
    .optional()
    .describe(
      'How often the agent says that it is alive. Without it the platform decides (30s unless it says otherwise).',
    ),
  max_batch_size: z.int().min(1).max(1000).default(100).describe('Most reports that one request carries.'),
  max_queue_size: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('Most MiB of reports kept while the platform cannot be reached.'),
  retry_count: z
    .int()
    .min(0)
    .max(20)
    .default(3)
    .describe('How often a failed request is repeated at once, before the agent waits longer.'),
})

/** The checked form of what every agent can be configured with. */
export type RuntimeConfig = z.output<typeof runtimeConfigSchema>
