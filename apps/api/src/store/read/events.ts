import { SEVERITIES } from '@rca/core/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { type PageRequest, toBoundedPage } from '../page.ts'
import type { StoredEvent } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { EventFilter, SignalStore } from '../store.ts'
import { countSteps, isStep, isStepOf } from './change-steps.ts'
import { entityRows } from './entity-rows.ts'
import { MAX_EXAMINED } from './page-steps.ts'
import { findAgents, keyList } from './selected-agents.ts'

/** Maximum number of types of entities that are looked up for an id without a type. */
const MAX_ENTITY_TYPES = 1000

/** Last words of the names of events that report a change which somebody or something made. */
const CHANGE_WORDS = [
  ...['added', 'changed', 'cordoned', 'created', 'deleted', 'installed', 'pulled', 'released', 'removed', 'renamed'],
  ...['replaced', 'resized', 'scaled', 'tagged', 'uncordoned', 'updated', 'upgraded'],
]

/** Reads events, newest first. Each page examines a limited number of them: a page may end before it is full. */
export function createEventReader(pool: ReadPool): SignalStore['events'] {
  return async (filter, page, session) => {
    const database = pool.database(session)
    const agents = await findAgents(database, filter)
    const period = [...periodOf(filter), ...afterPosition(page.after)]
    if (agents !== undefined && agents.length > 1) {
      const newest = await findNewest(database, agents, filter.to ?? Number.MAX_SAFE_INTEGER, page.after)
      if (newest === null) return { items: [], next: undefined }
      period.push(sql`events.at <= ${newest}`)
    }
    const indexed = await findIndexed(database, filter, agents)
    const counts = await countEach(database, indexed, period)
    if (counts.includes(0)) return { items: [], next: undefined }

    const { source, isComplete } = chooseSource(indexed, counts)
    const others = otherConditions(filter, agents)
    for (const other of indexed) if (other !== source) others.push(other.condition)
    const last = isComplete || others.length === 0 ? undefined : await findLast(database, select(source, period))
    if (last !== undefined)
      others.push(sql`events.at >= ${last.at}`, sql`(events.at, events.key) >= (${last.at}, ${last.key})`)
    const { rows } = await sql<Key>`${select(source, [...period, ...others])} limit ${page.limit + 1}`.execute(database)
    const { items, next } = toBoundedPage(rows, page, ({ at, key }) => [at, key])
    const events = await readEvents(
      database,
      items.map(({ key }) => key),
      filter.fold === true,
    )
    return { items: events, next: next ?? (last === undefined ? undefined : [last.at, last.key]) }
  }
}

type Key = Pick<Tables['events'], 'at'> & { readonly key: number; readonly bytes: number }

/** A condition on events, and an index that finds the events of it. */
interface IndexedCondition {
  readonly from: RawBuilder<unknown>
  /** The condition within `from`. */
  readonly where: RawBuilder<unknown>
  /** The condition on any event. */
  readonly condition: RawBuilder<unknown>
  /** True if the index has them in the order of time. Others are sorted, unless there are too many. */
  readonly isByTime: boolean
  /** True if the index finds the events of a period without reading others. */
  readonly findsPeriod: boolean
}

const ALL_EVENTS: IndexedCondition = {
  from: sql`events indexed by events_by_time`,
  where: sql`true`,
  condition: sql`true`,
  isByTime: true,
  findsPeriod: true,
}

/** Chooses the index with the fewest events. `isComplete` if a page examines all of them. */
function chooseSource(
  indexed: readonly IndexedCondition[],
  counts: readonly number[],
): { readonly source: IndexedCondition; readonly isComplete: boolean } {
  const fewest = Math.min(...counts)
  const source = fewest < MAX_EXAMINED ? indexed[counts.indexOf(fewest)] : indexed.find(({ isByTime }) => isByTime)
  return { source: source ?? ALL_EVENTS, isComplete: fewest < MAX_EXAMINED }
}

/** Returns the time of the newest event of several agents, `null` without any: newer events need not be examined. */
async function findNewest(
  database: Kysely<Tables>,
  agents: readonly number[],
  to: number,
  after: PageRequest['after'],
): Promise<number | null> {
  const { rows } = await sql<{ at: number | null }>`
    select max((select max(at) from events where agent_key = agent.value and at < ${to} and at <= ${after?.[0] ?? to}))
      as at from ${keyList(agents)} as agent`.execute(database)
  return rows[0]?.at ?? null
}

/** Returns the conditions of a filter that have an index. */
async function findIndexed(
  database: Kysely<Tables>,
  filter: EventFilter,
  agents: readonly number[] | undefined,
): Promise<IndexedCondition[]> {
  const indexed: IndexedCondition[] = []
  const add = (index: string, condition: RawBuilder<unknown>, isByTime = true): void => {
    indexed.push({
      from: sql`events indexed by ${sql.id(index)}`,
      where: condition,
      condition,
      isByTime,
      findsPeriod: isByTime,
    })
  }
  const { entities, entity_type: type, entity_id: id, name, namespace, severity, step_of: change } = filter
  if (entities !== undefined) indexed.push(ofEntities(entities))
  else if (type !== undefined && id !== undefined)
    add('events_by_entity', sql`events.entity_type = ${type} and events.entity_id = ${id}`)
  else if (type !== undefined) add('events_by_entity', sql`events.entity_type = ${type}`, false)
  else if (id !== undefined) indexed.push(...(await ofEntityId(database, id)))
  if (change !== undefined) indexed.push(ofChange(change))
  if (name !== undefined) add('events_by_name', sql`events.name = ${name}`)
  if (namespace !== undefined)
    add('events_by_namespace', sql`events.attributes ->> '$."k8s.namespace.name"' = ${namespace}`)
  if (agents !== undefined && agents.length < 2) add('events_by_agent', sql`events.agent_key = ${agents[0] ?? 0}`)
  // A number in the text of the statement: the index contains the events of this minimum alone.
  const minimum = severity === undefined ? 0 : SEVERITIES.indexOf(severity)
  if (minimum > 0) add(`events_from_${severity}`, sql`events.severity >= ${sql.lit(minimum)}`)
  return indexed
}

/** Selects the events of entities. A cross join makes SQLite look each entity up in the index. */
function ofEntities(entities: NonNullable<EventFilter['entities']>): IndexedCondition {
  const rows = entityRows(entities)
  return {
    from: sql`${rows} as wanted cross join events indexed by events_by_entity
      on events.entity_type = wanted.type and events.entity_id = wanted.id and events.agent_key = wanted.agent_key`,
    where: sql`true`,
    condition: sql`(events.agent_key, events.entity_type, events.entity_id) in (select agent_key, type, id from ${rows})`,
    isByTime: false,
    findsPeriod: true,
  }
}

/** Selects the steps of a change. */
function ofChange(id: string): IndexedCondition {
  const condition = isStepOf(id)
  return { from: sql`events`, where: condition, condition, isByTime: false, findsPeriod: true }
}

/** Selects the events of all entities with an id, whatever their type, unless there are too many types. */
async function ofEntityId(database: Kysely<Tables>, id: string): Promise<IndexedCondition[]> {
  const { rows } = await sql<{ type: string }>`
    with recursive types (type) as (
      select min(entity_type) from events indexed by events_by_entity
      union all
      select (select min(entity_type) from events indexed by events_by_entity where entity_type > types.type)
        from types where types.type is not null
    ) select type from types where type is not null limit ${MAX_ENTITY_TYPES + 1}`.execute(database)
  if (rows.length > MAX_ENTITY_TYPES) return []
  const types = JSON.stringify(rows.map(({ type }) => type))
  const condition = sql`events.entity_id = ${id}`
  return [
    {
      from: sql`json_each(${types}) as types cross join events indexed by events_by_entity
        on events.entity_type = types.value`,
      where: condition,
      condition,
      isByTime: false,
      findsPeriod: true,
    },
  ]
}

/** Returns the conditions that are checked on each event. */
function otherConditions(filter: EventFilter, agents: readonly number[] | undefined): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  const { entities, entity_id: id, text, changes, fold } = filter
  if (agents !== undefined && agents.length > 1)
    conditions.push(sql`events.agent_key in (select value from ${keyList(agents)})`)
  // Without an index for it: see `ofEntityId`.
  if (entities === undefined && filter.entity_type === undefined && id !== undefined)
    conditions.push(sql`events.entity_id = ${id}`)
  if (changes === true) conditions.push(isChange())
  if (fold === true) conditions.push(sql`not ${isStep()}`)
  if (text !== undefined) conditions.push(containsText(text))
  return conditions
}

function periodOf({ from, to }: EventFilter): RawBuilder<unknown>[] {
  return [
    ...(from === undefined ? [] : [sql`events.at >= ${from}`]),
    ...(to === undefined ? [] : [sql`events.at < ${to}`]),
  ]
}

/** Selects events after a position. An index by time starts from the first condition alone. */
function afterPosition(after: PageRequest['after']): RawBuilder<unknown>[] {
  if (after === undefined) return []
  const [at = 0, key = 0] = after
  return [sql`events.at <= ${at}`, sql`(events.at, events.key) < (${at}, ${key})`]
}

/**
 * Counts the events of each condition in its index, up to those that a page examines. Events outside of the period
 * count where the index does not skip them.
 */
async function countEach(
  database: Kysely<Tables>,
  indexed: readonly IndexedCondition[],
  period: readonly RawBuilder<unknown>[],
): Promise<number[]> {
  const counts = (indexed.length === 0 ? [ALL_EVENTS] : indexed).map(
    ({ from, where, findsPeriod }) => sql`(select count(*) from (
      select 1 from ${from} where ${allOf(findsPeriod ? [where, ...period] : [where])} limit ${MAX_EXAMINED}))`,
  )
  const list = counts.map((count, index) => sql`${count} as ${sql.id(`count_${index}`)}`)
  const { rows } = await sql<Record<string, number>>`select ${sql.join(list)}`.execute(database)
  return counts.map((_, index) => rows[0]?.[`count_${index}`] ?? 0)
}

/** Selects the keys of events, newest first. */
function select({ from, where }: IndexedCondition, conditions: readonly RawBuilder<unknown>[]): RawBuilder<Key> {
  return sql`select events.key, events.at, octet_length(events.body) + octet_length(events.attributes) as bytes from ${from} where ${allOf([where, ...conditions])}
    order by events.at desc, events.key desc`
}

function allOf(conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql.join(conditions, sql` and `)
}

/** Returns the last of the events that a page may examine. */
async function findLast(database: Kysely<Tables>, candidates: RawBuilder<Key>): Promise<Key | undefined> {
  const { rows } = await sql<Key>`${candidates} limit 1 offset ${MAX_EXAMINED - 1}`.execute(database)
  return rows[0]
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

async function readEvents(database: Kysely<Tables>, keys: readonly number[], fold: boolean): Promise<StoredEvent[]> {
  if (keys.length === 0) return []
  const rows = await database
    .selectFrom('events')
    .innerJoin('agents', 'agents.key', 'events.agent_key')
    .selectAll('events')
    .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
    .$if(fold, (query) => query.select(countSteps().as('steps')))
    .where('events.key', 'in', [...keys])
    .orderBy('events.at', 'desc')
    .orderBy('events.key', 'desc')
    .execute()
  return rows.map(({ steps, ...row }) => ({
    ...row,
    ...(steps === undefined ? {} : { steps }),
    severity: SEVERITIES[row.severity] ?? 'info',
    attributes: JSON.parse(row.attributes) as StoredEvent['attributes'],
  }))
}
