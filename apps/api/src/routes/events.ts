import { eventSchema, LIMITS, SEVERITIES } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { StoredEvent } from '../store/records.ts'
import { agentFilter, agentId, entityFilter, instantParameter, toInstant, toReference } from './fields.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const storedEvent = named(
  'Event',
  eventSchema.extend({ environment: z.string(), agent_id: z.string(), agent_type: z.string() }),
)

/** Lists events. Most incidents start with a change, which is an event. */
export function addEventRoute(app: App, { store }: Context): void {
  const schema = {
    operationId: 'listEvents',
    summary: 'List events',
    description: 'Newest first.',
    tags: ['reading'],
    querystring: z.strictObject({
      ...agentFilter,
      agent_id: agentId.optional(),
      from: instantParameter.optional().describe('ISO 8601, inclusive.'),
      to: instantParameter.optional().describe('ISO 8601, exclusive.'),
      severity: z.enum(SEVERITIES).optional().describe('Minimum severity.'),
      name: z.string().max(LIMITS.name).optional().describe('Such as `container.died`.'),
      ...entityFilter,
      ...pageQuery(),
    }),
    success: 'Events, newest first.',
    response: { 200: z.object({ events: z.array(storedEvent), next_cursor: nextCursor }), ...problems(422) },
  }
  app.get('/api/v1/events', { schema }, async (request) => {
    const { environment, agent_id: agentId, agent_type: agentType, from, to, severity, name } = request.query
    const page = toPageRequest(request.query, ['number', 'number'])
    const { items, next } = await store.signals.events({
      ...page,
      environment,
      agentId,
      agentType,
      from,
      to,
      severity,
      name,
      entity: toReference(request.query),
    })
    return { events: items.map(toEvent), next_cursor: toCursor(next) }
  })
}

function toEvent({
  environment,
  agentId,
  agentType,
  eventId,
  name,
  at,
  severity,
  entity,
  body,
  attributes,
}: StoredEvent): z.output<typeof storedEvent> {
  return {
    environment,
    agent_id: agentId,
    agent_type: agentType,
    ...(eventId === undefined ? {} : { id: eventId }),
    name,
    at: toInstant(at),
    severity,
    entity,
    body,
    attributes: attributes as z.output<typeof storedEvent>['attributes'],
  }
}
