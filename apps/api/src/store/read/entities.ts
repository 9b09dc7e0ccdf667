import { type Kysely, sql } from 'kysely'
import { optional, toPage } from '../page.ts'
import type { StoredEntity } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads the entities of one agent, in order of type and id. */
export function createEntityReader(database: Kysely<Tables>): Pick<SignalStore, 'entities'> {
  return {
    entities: async (page) => {
      let query = database.selectFrom('entities').selectAll().where('agent_key', '=', page.agentKey)
      if (page.type !== undefined) query = query.where('type', '=', page.type)
      if (!page.includeDeleted) query = query.where('deleted_at', 'is', null)
      if (page.after !== undefined) {
        const [type = '', id = ''] = page.after
        query = query.where(sql<boolean>`(type, id) > (${type}, ${id})`)
      }
      const rows = await query
        .orderBy('type')
        .orderBy('id')
        .limit(page.limit + 1)
        .execute()
      return toPage(
        rows,
        page,
        (row): StoredEntity => ({
          type: row.type,
          id: row.id,
          name: row.name,
          attributes: JSON.parse(row.attributes) as StoredEntity['attributes'],
          relations: JSON.parse(row.relations) as StoredEntity['relations'],
          firstSeenAt: row.first_seen_at,
          updatedAt: row.updated_at,
          deletedAt: optional(row.deleted_at),
        }),
        (row) => [row.type, row.id],
      )
    },
  }
}
