import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { StoredEntity } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads the entities of an agent, sorted by type and id. */
export function createEntityReader(database: Kysely<Tables>): SignalStore['entities'] {
  return async (query) => {
    let select = database.selectFrom('entities').selectAll().where('agent_key', '=', query.agentKey)
    if (query.type !== undefined) select = select.where('type', '=', query.type)
    if (!query.includeDeleted) select = select.where('deleted_at', 'is', null)
    if (query.after !== undefined) {
      const [type = '', id = ''] = query.after
      select = select.where(sql<boolean>`(type, id) > (${type}, ${id})`)
    }
    const rows = await select
      .orderBy('type')
      .orderBy('id')
      .limit(query.limit + 1)
      .execute()
    return toPage(
      rows,
      query,
      (row): StoredEntity => ({
        type: row.type,
        id: row.id,
        name: row.name,
        attributes: JSON.parse(row.attributes) as StoredEntity['attributes'],
        relations: JSON.parse(row.relations) as StoredEntity['relations'],
        firstSeenAt: row.first_seen_at,
        updatedAt: row.updated_at,
        deletedAt: row.deleted_at ?? undefined,
      }),
      (row) => [row.type, row.id],
    )
  }
}
