import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { SeriesQuery } from '../queries.ts'
import type { StoredSeries } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads series with their newest points, sorted by creation. */
export function createSeriesReader(database: Kysely<Tables>): SignalStore['series'] {
  return async (page) => {
    const rows = await select(database, page).execute()
    return toPage(
      rows,
      page,
      (row): StoredSeries => ({
        id: row.id,
        environment: row.environment,
        agentId: row.agent_id,
        agentType: row.agent_type,
        name: row.name,
        entity: { type: row.entity_type, id: row.entity_id },
        attributes: JSON.parse(row.attributes) as StoredSeries['attributes'],
        unit: row.unit,
        kind: row.kind as StoredSeries['kind'],
        last: row.last_at === null || row.last_value === null ? undefined : { at: row.last_at, value: row.last_value },
      }),
      (row) => [row.id],
    )
  }
}

function select(database: Kysely<Tables>, wanted: SeriesQuery) {
  let query = database
    .selectFrom('series')
    .innerJoin('agents', 'agents.key', 'series.agent_key')
    .selectAll('series')
    .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
    .select(({ selectFrom }) => [
      selectFrom('points')
        .select('at')
        .whereRef('series_id', '=', 'series.id')
        .orderBy('at', 'desc')
        .limit(1)
        .as('last_at'),
      selectFrom('points')
        .select('value')
        .whereRef('series_id', '=', 'series.id')
        .orderBy('at', 'desc')
        .limit(1)
        .as('last_value'),
    ])
  if (wanted.environment !== undefined) query = query.where('agents.environment', '=', wanted.environment)
  if (wanted.agentId !== undefined) query = query.where('agents.agent_id', '=', wanted.agentId)
  if (wanted.agentType !== undefined) query = query.where('agents.agent_type', '=', wanted.agentType)
  if (wanted.agentKey !== undefined) query = query.where('series.agent_key', '=', wanted.agentKey)
  if (wanted.name !== undefined) query = query.where('series.name', '=', wanted.name)
  if (wanted.entity?.type !== undefined) query = query.where('entity_type', '=', wanted.entity.type)
  if (wanted.entity?.id !== undefined) query = query.where('entity_id', '=', wanted.entity.id)
  for (const [name, value] of Object.entries(wanted.attributes ?? {})) query = query.where(hasAttribute(name, value))
  const { since } = wanted
  if (since !== undefined) {
    query = query.where(({ exists, selectFrom }) =>
      exists(selectFrom('points').select('at').whereRef('series_id', '=', 'series.id').where('at', '>=', since)),
    )
  }
  if (wanted.after !== undefined) query = query.where('series.id', '>', Number(wanted.after[0]))
  return query.orderBy('series.id').limit(wanted.limit + 1)
}

/** Matches an attribute. SQLite's JSON has no text form of booleans, hence the `case`. */
function hasAttribute(name: string, value: string) {
  return sql<boolean>`exists (
    select 1 from json_each(series.attributes) as attribute
    where attribute.key = ${name} and ${value} = case attribute.type when 'true' then 'true' when 'false' then 'false' else cast(attribute.value as text) end
  )`
}
