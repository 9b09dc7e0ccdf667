import { entitySchema, LIMITS } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import type { StoredEntity } from '../store/records.ts'
import { findAgent } from './agent-state.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, instant, named, problems } from './schemas.ts'

const storedEntity = named(
  'Entity',
  entitySchema.omit({ deleted: true }).extend({
    first_seen_at: instant,
    updated_at: instant.describe('Time of the newest report that speaks of it.'),
    deleted_at: instant.optional().describe('Since when it is gone.'),
  }),
)

/** What an agent sees: the nodes and edges of the topology. */
export function addEntityRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listEntities',
    summary: 'List the entities that an agent sees',
    tags: ['reading'],
    security: [{ admin: [] }],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject({
      ...agentFilter,
      type: z.string().max(LIMITS.name).optional().describe('Only entities of this type.'),
      include_deleted: z
        .enum(['true', 'false'])
        .default('false')
        .describe('Also what no longer exists, until retention takes it.'),
      ...pageQuery(),
    }),
    success: 'Entities, sorted by type and id.',
    response: {
      200: z.object({ entities: z.array(storedEntity), next_cursor: nextCursor }),
      ...problems(404, 409, 422),
    },
  }
  app.get('/api/v1/agents/:agent_id/entities', { config: { access: 'admin' }, schema }, async (request) => {
    const { type, include_deleted: includeDeleted } = request.query
    const page = toPageRequest(request.query, ['text', 'text'])
    const agent = await findAgent(context, request.params.agent_id, request.query)
    const { items, next } = await context.store.signals.entities({
      ...page,
      agentKey: agent.key,
      type,
      includeDeleted: includeDeleted === 'true',
    })
    return { entities: items.map(toEntity), next_cursor: toCursor(next) }
  })
}

function toEntity({
  type,
  id,
  name,
  attributes,
  relations,
  firstSeenAt,
  updatedAt,
  deletedAt,
}: StoredEntity): z.output<typeof storedEntity> {
  return {
    type,
    id,
    name,
    attributes: attributes as z.output<typeof storedEntity>['attributes'],
    relations: [...relations],
    first_seen_at: new Date(firstSeenAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
    ...(deletedAt === undefined ? {} : { deleted_at: new Date(deletedAt).toISOString() }),
  }
}
