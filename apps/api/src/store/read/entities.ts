import { sql } from 'kysely'
import { toBoundedPage } from '../page.ts'
import type { StoredEntity } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { SignalStore } from '../store.ts'

/** Reads the entities of an agent, sorted by type and id. */
export function createEntityReader(pool: ReadPool): SignalStore['entities'] {
  return async (agentKey, filter, page, session) => {
    let select = pool.database(session).selectFrom('entities').where('agent_key', '=', agentKey)
    if (filter.type !== undefined) select = select.where('type', '=', filter.type)
    if (!filter.includeDeleted) select = select.where('deleted_at', 'is', null)
    if (page.after !== undefined) {
      const [type = '', id = ''] = page.after
      select = select.where(sql<boolean>`(type, id) > (${type}, ${id})`)
    }
    const sorted = select.orderBy('type').orderBy('id')
    const keys = await sorted
      .select(['type', 'id', sql<number>`octet_length(attributes) + octet_length(relations)`.as('bytes')])
      .limit(page.limit + 1)
      .execute()
    const { items, next } = toBoundedPage(keys, page, ({ type, id }) => [type, id])
    const last = items.at(-1)
    if (last === undefined) return { items: [], next }
    const rows = await sorted.selectAll().where(sql<boolean>`(type, id) <= (${last.type}, ${last.id})`).execute()
    const entities = rows.map((row) => ({
      ...row,
      attributes: JSON.parse(row.attributes) as StoredEntity['attributes'],
      relations: JSON.parse(row.relations) as StoredEntity['relations'],
    }))
    return { items: entities, next }
  }
}
