import { type RawBuilder, sql } from 'kysely'
import type { EntityKey } from '../store.ts'

/** Returns entities as rows of a statement, in one parameter: the statement is the same for any number of them. */
export function entityRows(entities: readonly EntityKey[]): RawBuilder<EntityKey> {
  const text = JSON.stringify(entities.map(({ agent_key, type, id }) => [agent_key, type, id]))
  return sql`(select value ->> 0 as agent_key, value ->> 1 as type, value ->> 2 as id from json_each(${text}))`
}
