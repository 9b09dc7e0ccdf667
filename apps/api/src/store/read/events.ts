import { SEVERITIES } from '@rca/core/protocol'
import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { type PageRequest, toPage } from '../page.ts'
import type { StoredEvent } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { EventFilter, SignalStore } from '../store.ts'
import { entityRows } from './entity-rows.ts'

/** Maximum number of events that are searched for a text or for changes before a page ends. */
const MAX_SEARCHED = 5000

/** Last words of the names of events that report a change which somebody or something made. */
const CHANGE_WORDS = [
  ...['added', 'changed', 'cordoned', 'created', 'deleted', 'installed', 'pulled', 'released', 'removed', 'renamed'],
  ...['replaced', 'resized', 'scaled', 'tagged', 'uncordoned', 'updated', 'upgraded'],
]

/** Reads events, newest first. */
export function createEventReader(database: Kysely<Tables>): SignalStore['events'] {
  return async (filter, page) => {
    const candidates = afterPosition(selectCandidates(database, filter), page.after)
    const search = searchOf(filter)
    const last =
      search === undefined
        ? undefined
        : await candidates
            .offset(MAX_SEARCHED - 1)
            .limit(1)
            .executeTakeFirst()
    let query = candidates.limit(page.limit + 1)
    if (search !== undefined) query = query.where(search)
    if (last !== undefined) query = query.where(sql<boolean>`(events.at, events.key) >= (${last.at}, ${last.key})`)
    const keys = await query.execute()
    const events = await readEvents(
      database,
      keys.map(({ key }) => key),
    )
    const { items, next } = toPage(events, page, ({ at, key }) => [at, key])
    return { items, next: next ?? (last === undefined ? undefined : [last.at, last.key]) }
  }
}

type Candidates = SelectQueryBuilder<Tables, 'events' | 'agents', Pick<Tables['events'], 'at'> & { key: number }>

/** Selects the keys of events by all conditions that an index or a column answers. */
function selectCandidates(database: Kysely<Tables>, filter: EventFilter): Candidates {
  let query = selectFrom(database, filter.entities)
    .innerJoin('agents', 'agents.key', 'events.agent_key')
    .select(['events.key', 'events.at'])
    .orderBy('events.at', 'desc')
    .orderBy('events.key', 'desc')
  if (filter.environment !== undefined) query = query.where('agents.environment', 'in', [filter.environment].flat())
  if (filter.agent_id !== undefined) query = query.where('agents.agent_id', '=', filter.agent_id)
  if (filter.agent_type !== undefined) query = query.where('agents.agent_type', '=', filter.agent_type)
  if (filter.from !== undefined) query = query.where('events.at', '>=', filter.from)
  if (filter.to !== undefined) query = query.where('events.at', '<', filter.to)
  if (filter.severity !== undefined) query = query.where('events.severity', '>=', SEVERITIES.indexOf(filter.severity))
  if (filter.name !== undefined) query = query.where('events.name', '=', filter.name)
  if (filter.namespace !== undefined)
    query = query.where(sql<boolean>`events.attributes ->> '$."k8s.namespace.name"' = ${filter.namespace}`)
  if (filter.entities !== undefined) return query
  if (filter.entity_type !== undefined) query = query.where('events.entity_type', '=', filter.entity_type)
  if (filter.entity_id !== undefined) query = query.where('events.entity_id', '=', filter.entity_id)
  return query
}

/** Selects from all events, or from those of entities. A cross join makes SQLite look each entity up in the index. */
function selectFrom(
  database: Kysely<Tables>,
  entities: EventFilter['entities'],
): SelectQueryBuilder<Tables, 'events', object> {
  if (entities === undefined) return database.selectFrom('events')
  const wanted = entityRows(entities).as('wanted')
  const events = database
    .selectFrom(wanted)
    .crossJoin('events')
    .whereRef('events.agent_key', '=', 'wanted.agent_key')
    .whereRef('events.entity_type', '=', 'wanted.type')
    .whereRef('events.entity_id', '=', 'wanted.id')
  return events as unknown as SelectQueryBuilder<Tables, 'events', object>
}

function afterPosition(query: Candidates, after: PageRequest['after']): Candidates {
  if (after === undefined) return query
  const [at = 0, key = 0] = after
  return query.where(sql<boolean>`(events.at, events.key) < (${at}, ${key})`)
}

/** Returns the conditions that must be checked on each event, `undefined` without any. */
function searchOf({ text, changes }: EventFilter): RawBuilder<boolean> | undefined {
  const conditions = [...(changes === true ? [isChange()] : []), ...(text === undefined ? [] : [containsText(text)])]
  return conditions.length === 0 ? undefined : sql<boolean>`${sql.join(conditions, sql` and `)}`
}

/** Matches the last word of the name, or an attribute `change.*`. In JSON, a quote within a value is escaped. */
function isChange(): RawBuilder<boolean> {
  const names = CHANGE_WORDS.map((word) => sql`events.name like ${`%.${word}`}`)
  return sql<boolean>`(${sql.join(names, sql` or `)} or events.attributes like '{"change.%' or events.attributes like '%,"change.%')`
}

function containsText(text: string): RawBuilder<boolean> {
  const pattern = (content: string): string => `%${content.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  // Attributes are JSON: the text is searched as JSON writes it.
  return sql<boolean>`(events.body like ${pattern(text)} escape '\\' or events.name like ${pattern(text)} escape '\\'
    or events.attributes like ${pattern(JSON.stringify(text).slice(1, -1))} escape '\\')`
}

async function readEvents(database: Kysely<Tables>, keys: readonly number[]): Promise<StoredEvent[]> {
  if (keys.length === 0) return []
  const rows = await database
    .selectFrom('events')
    .innerJoin('agents', 'agents.key', 'events.agent_key')
    .selectAll('events')
    .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
    .where('events.key', 'in', [...keys])
    .orderBy('events.at', 'desc')
    .orderBy('events.key', 'desc')
    .execute()
  return rows.map((row) => ({
    ...row,
    severity: SEVERITIES[row.severity] ?? 'info',
    attributes: JSON.parse(row.attributes) as StoredEvent['attributes'],
  }))
}
