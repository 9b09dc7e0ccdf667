import { entitySchema, LIMITS } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import type { StoredEntity } from '../store/records.ts'
import { agentFilter, agentId, instant, toInstant, toInstants } from './fields.ts'
import { findAgent } from './find-agent.ts'
import { MAY_END_EARLY, nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const storedEntity = named(
  'Entity',
  entitySchema.omit({ deleted: true }).extend({
    first_seen_at: instant,
    updated_at: instant.describe('Time of the newest report that contains the entity.'),
    deleted_at: instant.optional().describe('When the entity was deleted.'),
  }),
)

/** Lists the entities of an agent: the nodes and edges of the topology. */
export function addEntityRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'listEntities',
    summary: 'List the entities of an agent',
    description: MAY_END_EARLY,
    tags: ['reading'],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject({
      ...agentFilter,
      type: z.string().max(LIMITS.name).optional().describe('Only entities of this type.'),
      include_deleted: z
        .enum(['true', 'false'])
        .default('false')
        .describe('Includes deleted entities, until the retention removes them.'),
      ...pageQuery(),
    }),
    success: 'Entities, sorted by type and id.',
    response: {
      200: z.object({ entities: z.array(storedEntity), next_cursor: nextCursor }),
      ...problems(404, 409, 422),
    },
  }
  app.get(
    '/api/v1/agents/:agent_id/entities',
    { config: { access: ['read'], environment: 'query', reads: true }, schema },
    async (request) => {
      const page = toPageRequest(request.query, ['text', 'text'])
      const { key } = await findAgent(context, request.params.agent_id, request.query)
      const filter = { type: request.query.type, includeDeleted: request.query.include_deleted === 'true' }
      const { items, next } = await context.store.signals.entities(key, filter, page, request.reading)
      return { entities: items.map(toEntity), next_cursor: toCursor(next) }
    },
  )
}

function toEntity(entity: StoredEntity): z.output<typeof storedEntity> {
  const { type, id, name, relations } = entity
  return {
    type,
    id,
    name,
    attributes: entity.attributes as z.output<typeof storedEntity>['attributes'],
    relations: [...relations],
    first_seen_at: toInstant(entity.first_seen_at),
    updated_at: toInstant(entity.updated_at),
    ...toInstants({ deleted_at: entity.deleted_at }),
  }
}
