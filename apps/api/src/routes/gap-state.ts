import { z } from 'zod'
import type { StoredGap } from '../store/records.ts'
import { instant, named } from './schemas.ts'

export const gapSchema = named(
  'Gap',
  z.object({
    scope: z.string().describe('What could not be seen, such as `collector:filesystems`.'),
    reason: z.string(),
    since: instant,
    last_reported_at: instant,
    open: z.boolean().describe('Whether the newest report still names it.'),
  }),
)

/** A gap as people see it. */
export function toGap({ scope, reason, since, lastReportedAt, open }: StoredGap): z.output<typeof gapSchema> {
  return {
    scope,
    reason,
    since: new Date(since).toISOString(),
    last_reported_at: new Date(lastReportedAt).toISOString(),
    open,
  }
}
