import { type Kysely, sql } from 'kysely'
import { type PageRequest, toBoundedPage } from '../page.ts'
import type { StoredSeries } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SeriesFilter, SignalStore } from '../store.ts'

/** Reads series with their newest points, sorted by creation. */
export function createSeriesReader(pool: ReadPool): SignalStore['series'] {
  return async (filter, page, session) => {
    const database = pool.database(session)
    const keys = await selectKeys(database, filter, page).execute()
    const { items, next } = toBoundedPage(keys, page, ({ id }) => [id])
    const rows = await selectSeries(
      database,
      items.map(({ id }) => id),
    ).execute()
    const series = rows.map((row) => ({
      ...row,
      kind: row.kind as StoredSeries['kind'],
      attributes: JSON.parse(row.attributes) as StoredSeries['attributes'],
    }))
    return { items: series, next }
  }
}

/** Selects series by their ids, in the order of these. */
function selectSeries(database: Kysely<Tables>, ids: readonly number[]) {
  const newest = database
    .selectFrom('points')
    .where('series_id', '=', sql.ref<number>('series.id'))
    .orderBy('at', 'desc')
    .limit(1)
  return database
    .selectFrom('series')
    .innerJoin('agents', 'agents.key', 'series.agent_key')
    .selectAll('series')
    .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
    .select([newest.select('at').as('last_at'), newest.select('value').as('last_value')])
    .where(sql<boolean>`series.id in (select value from json_each(${JSON.stringify(ids)}))`)
    .orderBy('series.id')
}

function selectKeys(database: Kysely<Tables>, filter: SeriesFilter, page: PageRequest) {
  let query = database
    .selectFrom('series')
    .innerJoin('agents', 'agents.key', 'series.agent_key')
    .select(['series.id', sql<number>`octet_length(series.attributes)`.as('bytes')])
  if (filter.environment !== undefined) query = query.where('agents.environment', 'in', [filter.environment].flat())
  if (filter.agent_id !== undefined) query = query.where('agents.agent_id', '=', filter.agent_id)
  if (filter.agent_type !== undefined) query = query.where('agents.agent_type', '=', filter.agent_type)
  if (filter.agent_key !== undefined) query = query.where('series.agent_key', '=', filter.agent_key)
  if (filter.name !== undefined) query = query.where('series.name', '=', filter.name)
  if (filter.entity_type !== undefined) query = query.where('entity_type', '=', filter.entity_type)
  if (filter.entity_id !== undefined) query = query.where('entity_id', '=', filter.entity_id)
  for (const [name, value] of Object.entries(filter.attributes ?? {})) query = query.where(hasAttribute(name, value))
  const { since } = filter
  if (since !== undefined) {
    query = query.where(({ exists, selectFrom }) =>
      exists(selectFrom('points').select('at').whereRef('series_id', '=', 'series.id').where('at', '>=', since)),
    )
  }
  if (page.after !== undefined) query = query.where('series.id', '>', Number(page.after[0]))
  return query.orderBy('series.id').limit(page.limit + 1)
}

/** Matches an attribute. SQLite's JSON has no text form of booleans, hence the `case`. */
function hasAttribute(name: string, value: string) {
  return sql<boolean>`exists (
    select 1 from json_each(series.attributes) as attribute
    where attribute.key = ${name} and ${value} = case attribute.type when 'true' then 'true' when 'false' then 'false' else cast(attribute.value as text) end
  )`
}
