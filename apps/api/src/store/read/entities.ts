import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Position } from '../page.ts'
import type { StoredEntity } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { EntityFilter, SignalStore } from '../store.ts'
import { MAX_EXAMINED, type PageStep, readPageInSteps } from './page-steps.ts'

/** Reads the entities of an agent, sorted by type and id. */
export function createEntityReader(pool: ReadPool): SignalStore['entities'] {
  return async (agentKey, filter, page, session) => {
    const database = pool.database(session)
    const { items, next } = await readPageInSteps<Key>(
      page,
      ({ type, id }) => [type, id],
      (after, limit) => readStep(database, agentKey, filter, after, limit),
    )
    const keys = JSON.stringify(items.map(({ type, id }) => [type, id]))
    const rows = await database
      .selectFrom('entities')
      .selectAll()
      .where('agent_key', '=', agentKey)
      .where(sql<boolean>`(type, id) in (select value ->> 0, value ->> 1 from json_each(${keys}))`)
      .orderBy('type')
      .orderBy('id')
      .execute()
    const entities = rows.map((row) => ({
      ...row,
      attributes: JSON.parse(row.attributes) as StoredEntity['attributes'],
      relations: JSON.parse(row.relations) as StoredEntity['relations'],
    }))
    return { items: entities, next }
  }
}

type Key = Pick<Tables['entities'], 'type' | 'id'> & { readonly bytes: number }

/** Reads the keys of entities. Those that were deleted are examined. */
async function readStep(
  database: Kysely<Tables>,
  agentKey: number,
  { type, includeDeleted }: EntityFilter,
  after: Position | undefined,
  limit: number,
): Promise<PageStep<Key>> {
  const range = [sql`agent_key = ${agentKey}`]
  if (type !== undefined) range.push(sql`type = ${type}`)
  if (after !== undefined) range.push(rangeAfter(type, after))
  const candidates = sql`select type, id, deleted_at, octet_length(attributes) + octet_length(relations) as bytes
    from entities where ${sql.join(range, sql` and `)} order by type, id`
  const { rows } = await sql<Key>`
    select type, id, bytes from (${candidates} limit ${MAX_EXAMINED})
    where ${includeDeleted ? sql`true` : sql`deleted_at is null`} limit ${limit}`.execute(database)
  if (rows.length === limit) return { rows, end: positionOf(rows.at(-1)) }
  const last = await sql<Key>`select type, id from (${candidates}) limit 1 offset ${MAX_EXAMINED - 1}`.execute(database)
  return { rows, end: positionOf(last.rows[0]) }
}

/** With a type, the index continues from the id alone. */
function rangeAfter(type: string | undefined, [afterType = '', afterId = '']: Position): RawBuilder<unknown> {
  return type === afterType ? sql`id > ${afterId}` : sql`(type, id) > (${afterType}, ${afterId})`
}

function positionOf(key: Key | undefined): Position | undefined {
  return key === undefined ? undefined : [key.type, key.id]
}
