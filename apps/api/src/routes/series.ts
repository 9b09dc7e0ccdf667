import { LIMITS, metricSchema } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import type { StoredSeries } from '../store/records.ts'
import { findAgent } from './agent-state.ts'
import { entityFilter, toReference } from './entity-filter.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, instant, named, problems } from './schemas.ts'

const seriesSchema = named(
  'Series',
  metricSchema.omit({ value: true }).extend({
    last: z.object({ at: instant, value: z.number() }).optional().describe('The newest point.'),
  }),
)

/** Which metrics an agent has delivered, with the newest value of each. */
export function addSeriesRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listSeries',
    summary: 'List the metric series of an agent',
    tags: ['reading'],
    security: [{ admin: [] }],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject({
      ...agentFilter,
      name: z.string().max(LIMITS.name).optional().describe('Such as `system.cpu.utilization`.'),
      ...entityFilter,
      ...pageQuery(),
    }),
    success: 'Series, each with its newest value.',
    response: { 200: z.object({ series: z.array(seriesSchema), next_cursor: nextCursor }), ...problems(404, 409, 422) },
  }
  app.get('/api/v1/agents/:agent_id/metrics', { config: { access: 'admin' }, schema }, async (request) => {
    const { name, entity_type, entity_id } = request.query
    const page = toPageRequest(request.query, ['number'])
    const agent = await findAgent(context, request.params.agent_id, request.query)
    const { items, next } = await context.store.signals.series({
      ...page,
      agentKey: agent.key,
      name,
      entity: toReference(entity_type, entity_id),
    })
    return { series: items.map(toSeries), next_cursor: toCursor(next) }
  })
}

function toSeries({ name, unit, kind, entity, attributes, last }: StoredSeries): z.output<typeof seriesSchema> {
  return {
    name,
    unit,
    kind,
    entity,
    attributes: attributes as z.output<typeof seriesSchema>['attributes'],
    ...(last === undefined ? {} : { last: { at: new Date(last.at).toISOString(), value: last.value } }),
  }
}
