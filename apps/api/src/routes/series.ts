import { LIMITS, metricSchema } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { StoredSeries } from '../store/records.ts'
import { agentFilter, agentId, entityFilter, instant, toInstant } from './fields.ts'
import { findAgent } from './find-agent.ts'
import { MAY_END_EARLY, nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const seriesSchema = named(
  'Series',
  metricSchema.omit({ value: true }).extend({
    last: z.object({ at: instant, value: z.number() }).optional().describe('The newest point.'),
  }),
)

export function addSeriesRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listSeries',
    summary: 'List the metric series of an agent',
    description: MAY_END_EARLY,
    tags: ['reading'],
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
  app.get(
    '/api/v1/agents/:agent_id/metrics',
    { config: { access: ['read'], environment: 'query', reads: true }, schema },
    async (request) => {
      const page = toPageRequest(request.query, ['number', 'number'])
      const { key } = await findAgent(context, request.params.agent_id, request.query)
      const { items, next } = await context.store.signals.series(
        { ...request.query, agent_key: key },
        page,
        request.reading,
      )
      return { series: items.map(toSeries), next_cursor: toCursor(next) }
    },
  )
}

function toSeries(series: StoredSeries): z.output<typeof seriesSchema> {
  const { name, unit, kind, last_at: at, last_value: value } = series
  return {
    name,
    unit,
    kind,
    entity: { type: series.entity_type, id: series.entity_id },
    attributes: series.attributes as z.output<typeof seriesSchema>['attributes'],
    ...(at === null || value === null ? {} : { last: { at: toInstant(at), value } }),
  }
}
