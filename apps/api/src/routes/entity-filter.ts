import { LIMITS } from '@rca/core/protocol'
import { z } from 'zod'

/** What narrows a list to some entities. */
export const entityFilter = {
  entity_type: z.string().max(LIMITS.name).optional().describe('Type of the entity, such as `container`.'),
  entity_id: z.string().max(LIMITS.identifier).optional(),
}

/** The parts of an entity's reference that were given. */
export function toReference(type: string | undefined, id: string | undefined): { type?: string; id?: string } {
  return { ...(type === undefined ? {} : { type }), ...(id === undefined ? {} : { id }) }
}
