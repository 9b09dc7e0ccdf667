import { eventSchema, LIMITS } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import type { StoredEvent } from '../store/records.ts'
import { entityFilter, toReference } from './entity-filter.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, instantParameter, named, problems, severity } from './schemas.ts'

const storedEvent = named(
  'Event',
  eventSchema.extend({ environment: z.string(), agent_id: z.string(), agent_type: z.string() }),
)

/** What happened: most incidents start with a change. */
export function addEventRoute(app: App, { store }: Context): void {
  const schema = {
    operationId: 'listEvents',
    summary: 'List events',
    description: 'The newest first.',
    tags: ['reading'],
    security: [{ admin: [] }],
    querystring: z.strictObject({
      ...agentFilter,
      agent_id: agentId.optional(),
      from: instantParameter.optional().describe('ISO 8601, inclusive.'),
      to: instantParameter.optional().describe('ISO 8601, exclusive.'),
      severity: severity.optional().describe('This severity and worse.'),
      name: z.string().max(LIMITS.name).optional().describe('Such as `container.died`.'),
      ...entityFilter,
      ...pageQuery(),
    }),
    success: 'Events, the newest first.',
    response: { 200: z.object({ events: z.array(storedEvent), next_cursor: nextCursor }), ...problems(422) },
  }
  app.get('/api/v1/events', { config: { access: 'admin' }, schema }, async (request) => {
    const { environment, agent_id, agent_type, from, to, severity, name, entity_type, entity_id } = request.query
    const page = toPageRequest(request.query, ['number', 'number'])
    const { items, next } = await store.signals.events({
      ...page,
      environment,
      agentId: agent_id,
      agentType: agent_type,
      from,
      to,
      severity,
      name,
      entity: toReference(entity_type, entity_id),
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
    at: new Date(at).toISOString(),
    severity,
    entity,
    body,
    attributes: attributes as z.output<typeof storedEvent>['attributes'],
  }
}
