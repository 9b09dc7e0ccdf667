import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { FoldedGap, StoredGap } from '../store/records.ts'
import { agentFilter, agentId, instant, toInstant } from './fields.ts'
import { findAgent } from './find-agent.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

export const gapSchema = named(
  'Gap',
  z.object({
    scope: z
      .string()
      .describe('Part of the infrastructure that the agent could not see, such as `collector:filesystems`.'),
    reason: z.string(),
    since: instant,
    last_reported_at: instant,
    open: z.boolean().describe('True while the newest report contains the gap.'),
  }),
)

const foldedGapSchema = named(
  'FoldedGap',
  gapSchema.extend({
    since: instant.describe('Start of the newest period.'),
    count: z.int().describe('Number of periods.'),
    blind_seconds: z.number().describe('Duration of all periods, each until its last report.'),
    periods: z
      .array(z.object({ since: instant, until: instant.describe('Last report of the gap in this period.') }))
      .describe('The newest 20 periods, newest first.'),
  }),
)

/** Lists the gaps of an agent, so that silence is never read as health. */
export function addGapRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listGaps',
    summary: 'List the gaps of an agent: parts of the infrastructure that it could not see',
    description: 'One item for each part, however often it came and went. Newest first.',
    tags: ['reading'],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject({
      ...agentFilter,
      open: z.enum(['true', 'false']).default('false').describe('Only open gaps.'),
      ...pageQuery(),
    }),
    success: 'Gaps, newest first.',
    response: {
      200: z.object({
        gaps: z.array(foldedGapSchema),
        complete: z
          .boolean()
          .describe(
            'False if the agent has more than 20,000 periods of gaps: those that were reported last were read.',
          ),
        next_cursor: nextCursor,
      }),
      ...problems(404, 409, 422),
    },
  }
  app.get(
    '/api/v1/agents/:agent_id/gaps',
    { config: { access: ['read'], environment: 'query', reads: true }, schema },
    async (request) => {
      const page = toPageRequest(request.query, ['number', 'text'])
      const agent = await findAgent(context, request.params.agent_id, request.query)
      const { items, next, complete } = await context.store.signals.gaps(
        agent.key,
        request.query.open === 'true',
        page,
        request.reading,
      )
      return { gaps: items.map(toFoldedGap), complete, next_cursor: toCursor(next) }
    },
  )
}

function toFoldedGap({ count, blind, periods, ...gap }: FoldedGap): z.output<typeof foldedGapSchema> {
  return {
    ...toGap(gap),
    count,
    blind_seconds: blind / 1000,
    periods: periods.map(({ since, last_reported_at }) => ({
      since: toInstant(since),
      until: toInstant(last_reported_at),
    })),
  }
}

type GapTimes = Pick<StoredGap, 'scope' | 'reason' | 'since' | 'last_reported_at' | 'open'>

export function toGap({ scope, reason, since, last_reported_at, open }: GapTimes): z.output<typeof gapSchema> {
  return { scope, reason, since: toInstant(since), last_reported_at: toInstant(last_reported_at), open: open === 1 }
}
