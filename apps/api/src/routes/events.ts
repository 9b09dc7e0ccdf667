import { eventSchema, LIMITS, SEVERITIES } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { StoredEvent } from '../store/records.ts'
import { agentFilter, agentId, entityFilter, instantParameter, toInstant } from './fields.ts'
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
      name: z.string().max(LIMITS.name).optional().describe('Such as `container.crashed`.'),
      ...entityFilter,
      ...pageQuery(),
    }),
    success: 'Events, newest first.',
    response: { 200: z.object({ events: z.array(storedEvent), next_cursor: nextCursor }), ...problems(422) },
  }
  app.get('/api/v1/events', { schema }, async (request) => {
    const { items, next } = await store.signals.events(
      request.query,
      toPageRequest(request.query, ['number', 'number']),
    )
    return { events: items.map(toEvent), next_cursor: toCursor(next) }
  })
}

function toEvent(event: StoredEvent): z.output<typeof storedEvent> {
  const { environment, agent_id, agent_type, event_id: id, name, severity, body } = event
  return {
    environment,
    agent_id,
    agent_type,
    ...(id === null ? {} : { id }),
    name,
    at: toInstant(event.at),
    severity,
    entity: { type: event.entity_type, id: event.entity_id },
    body,
    attributes: event.attributes as z.output<typeof storedEvent>['attributes'],
  }
}
