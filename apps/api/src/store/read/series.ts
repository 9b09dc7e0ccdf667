import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { PageRequest, Position } from '../page.ts'
import type { StoredSeries } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SeriesFilter, SignalStore } from '../store.ts'
import { MAX_EXAMINED, type PageStep, readPageInSteps } from './page-steps.ts'
import { findAgents, keyList } from './selected-agents.ts'

/** A position after all series of an agent. */
const AFTER_ALL_SERIES = Number.MAX_SAFE_INTEGER

/** Reads series with their newest points, sorted by agent and creation. */
export function createSeriesReader(pool: ReadPool): SignalStore['series'] {
  return async (filter, page, session) => {
    const database = pool.database(session)
    const agents = filter.agent_key === undefined ? await findAgents(database, filter) : [filter.agent_key]
    const { items, next } = await readPageInSteps<Key>(
      page,
      ({ agent_key, id }) => [agent_key, id],
      (after, limit) => readStep(database, filter, agents, after, limit),
    )
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

/** Selects series by their ids. */
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
    .orderBy('series.agent_key')
    .orderBy('series.id')
}

type Key = Pick<Tables['series'], 'agent_key'> & { readonly id: number; readonly bytes: number }

/** Reads the keys of series from one range of an index: the rest of one agent, or all of the agents after it. */
async function readStep(
  database: Kysely<Tables>,
  filter: SeriesFilter,
  agents: readonly number[] | undefined,
  after: Position | undefined,
  limit: number,
): Promise<PageStep<Key>> {
  const { range, rest } = rangeOf(agents, after)
  const { name } = filter
  const index = sql.id(name === undefined ? 'series_by_agent' : 'series_by_name')
  const candidates = sql`select *, octet_length(attributes) as bytes from series indexed by ${index}
    where ${name === undefined ? sql`true` : sql`name = ${name}`} and ${range} order by agent_key, id`
  const { rows } = await sql<Key>`
    select id, agent_key, bytes from (${candidates} limit ${MAX_EXAMINED}) as series
    where ${sql.join(conditionsOf(filter, agents), sql` and `)} limit ${limit}`.execute(database)
  if (rows.length === limit) return { rows, end: positionOf(rows.at(-1)) }
  const last = await sql<Key>`
    select agent_key, id from (${candidates}) limit 1 offset ${MAX_EXAMINED - 1}`.execute(database)
  return { rows, end: positionOf(last.rows[0]) ?? rest }
}

function positionOf(key: Key | undefined): Position | undefined {
  return key === undefined ? undefined : [key.agent_key, key.id]
}

/** Returns the range after a position, and the position of the range after it. */
function rangeOf(
  agents: readonly number[] | undefined,
  after: PageRequest['after'],
): { readonly range: RawBuilder<unknown>; readonly rest?: Position | undefined } {
  const [agent = 0, id = 0] = (after ?? []) as readonly number[]
  if (agents === undefined) return { range: sql`(agent_key, id) > (${agent}, ${id})` }
  const others = agents.filter((key) => key > agent)
  if (id !== AFTER_ALL_SERIES && agents.includes(agent))
    return {
      range: sql`agent_key = ${agent} and id > ${id}`,
      rest: others.length === 0 ? undefined : [agent, AFTER_ALL_SERIES],
    }
  return { range: sql`agent_key in (select value from ${keyList(others)})` }
}

/** Returns the conditions that are checked on each series. */
function conditionsOf(
  { entity_type, entity_id, attributes = {}, since }: SeriesFilter,
  agents: readonly number[] | undefined,
): RawBuilder<unknown>[] {
  const conditions = [sql`true`]
  // Series of removed agents are stored until the retention deletes them.
  if (agents === undefined) conditions.push(sql`exists (select 1 from agents where key = agent_key)`)
  if (entity_type !== undefined) conditions.push(sql`entity_type = ${entity_type}`)
  if (entity_id !== undefined) conditions.push(sql`entity_id = ${entity_id}`)
  for (const [name, value] of Object.entries(attributes)) conditions.push(hasAttribute(name, value))
  if (since !== undefined)
    conditions.push(sql`exists (select 1 from points where series_id = series.id and at >= ${since})`)
  return conditions
}

/** Matches an attribute. SQLite's JSON has no text form of booleans, hence the `case`. */
function hasAttribute(name: string, value: string): RawBuilder<boolean> {
  return sql<boolean>`exists (
    select 1 from json_each(series.attributes) as attribute
    where attribute.key = ${name} and ${value} = case attribute.type when 'true' then 'true' when 'false' then 'false' else cast(attribute.value as text) end
  )`
}
