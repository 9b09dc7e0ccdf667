import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { findAgent } from './agent-state.ts'
import { gapSchema, toGap } from './gap-state.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, problems } from './schemas.ts'

/** What an agent could not see, so that silence is never read as health. */
export function addGapRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listGaps',
    summary: 'List what an agent could not see',
    description: 'The newest first.',
    tags: ['reading'],
    security: [{ admin: [] }],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject({
      ...agentFilter,
      open: z.enum(['true', 'false']).default('false').describe('Only those that are open.'),
      ...pageQuery(),
    }),
    success: 'Gaps, the newest first.',
    response: { 200: z.object({ gaps: z.array(gapSchema), next_cursor: nextCursor }), ...problems(404, 409, 422) },
  }
  app.get('/api/v1/agents/:agent_id/gaps', { config: { access: 'admin' }, schema }, async (request) => {
    const page = toPageRequest(request.query, ['number', 'text'])
    const agent = await findAgent(context, request.params.agent_id, request.query)
    const { items, next } = await context.store.signals.gaps(agent.key, request.query.open === 'true', page)
    return { gaps: items.map(toGap), next_cursor: toCursor(next) }
  })
}
