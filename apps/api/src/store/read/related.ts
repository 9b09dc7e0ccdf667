import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { EntityKey, RelatedFilter, SignalStore } from '../store.ts'
import { entityRows } from './entity-rows.ts'

/** Entities whose relations one statement follows. */
const MAX_FOLLOWED = 200

/** Relations, or entities with a label, that one statement examines. */
const MAX_RELATIONS = 100_000

/** Relations from a part to the whole that it belongs to. */
const OWNERSHIP = ['owned_by', 'part_of']

/** Relation to the machine below, on which many others run. */
const PLACEMENT = 'runs_on'

const [ownership, owners, use] = [
  sql`relation in (${sql.join(OWNERSHIP)})`,
  sql`relation in (${sql.join([...OWNERSHIP, PLACEMENT])})`,
  sql`relation not in (${sql.join(OWNERSHIP)})`,
]

/** Relations to what a part uses, without the machine that it shares with others. */
const ownUse = sql`${use} and relation <> ${PLACEMENT}`

/**
 * Finds the entities of an incident from roots: all that belongs to them, what these parts use, what uses the roots and
 * their parts, and the owners and machines of all of these. Owners come with what they use, such as the ConfigMap of a
 * pod's Deployment; owners and machines come without what else belongs to them. An entity to which very many others
 * refer, such as a cluster, is followed to a part of these.
 */
export function createRelatedReader(pool: ReadPool): SignalStore['related'] {
  return async (filter, limit, session) => {
    const database = pool.database(session)
    const found = new Map<string, EntityKey>()
    let hasAllSources = true
    let isFull = false

    /** Adds entities, and returns those that are new. */
    const add = (rows: readonly EntityKey[]): EntityKey[] => {
      const added = rows.filter((row) => {
        const key = JSON.stringify([row.agent_key, row.type, row.id])
        if (found.has(key)) return false
        if (found.size >= limit) {
          isFull = true
          return false
        }
        found.set(key, row)
        return true
      })
      return added
    }
    type Step = (keys: readonly EntityKey[]) => Promise<EntityKey[]>
    const findSourcesOf = async (keys: readonly EntityKey[], relation: RawBuilder<unknown>): Promise<EntityKey[]> => {
      if (await haveTooManySources(database, keys)) hasAllSources = false
      return findSources(database, keys, relation, filter.since, limit)
    }
    /** Creates a step that adds what it finds from entities, in small parts, and returns those that are new. */
    const adding =
      (find: Step): Step =>
      async (keys) => {
        const added: EntityKey[] = []
        for (let start = 0; start < keys.length && !isFull; start += MAX_FOLLOWED)
          added.push(...add(await find(keys.slice(start, start + MAX_FOLLOWED))))
        return added
      }
    const parts = adding((keys) => findSourcesOf(keys, ownership))
    const uses = adding((keys) => findTargets(database, keys, ownUse, limit))
    const above = adding((keys) => findTargets(database, keys, owners, limit))
    const users = adding((keys) => findSourcesOf(keys, use))
    const twins = adding((keys) => findTwins(database, keys, limit))
    /** Follows steps to any depth. Returns the start with all that was added. */
    const follow = async (start: readonly EntityKey[], ...steps: readonly Step[]): Promise<EntityKey[]> => {
      const all = [...start]
      for (let frontier = start; frontier.length > 0; ) {
        const next: EntityKey[] = []
        for (const step of steps) next.push(...(await step(frontier)))
        all.push(...next)
        frontier = next
      }
      return all
    }

    if (await haveTooManyLabels(database, filter)) hasAllSources = false
    const roots = add(await findRoots(database, filter, limit))
    const core = await follow([...roots, ...(await twins(roots))], parts)
    if (filter.reach === 'all') {
      await follow(core, uses, parts)
      await follow(await users(core), parts)
      await follow([...found.values()], above, uses)
      await twins([...found.values()])
    }
    return { entities: [...found.values()], complete: hasAllSources && !isFull }
  }
}

/** Finds the entity of the filter, described or only referred to, or the entities with all labels. */
async function findRoots(database: Kysely<Tables>, filter: RelatedFilter, limit: number): Promise<EntityKey[]> {
  const { entity, labels } = filter
  const withLabels = labels.map(
    ([name, value]) => sql`exists (
      select 1 from entity_labels as label where label.agent_key = found.agent_key and label.type = found.type
        and label.id = found.id and label.name = ${name} and label.value = ${value})`,
  )
  const candidates = entity === undefined ? labelled(filter) : named(entity, filter)
  const statement = sql<EntityKey>`select found.agent_key, found.type, found.id from (${candidates}) as found
    where ${sql.join([sql`true`, ...withLabels], sql` and `)} limit ${limit + 1}`
  return (await statement.execute(database)).rows
}

/** Selects an entity of each agent that describes it or refers to it. */
function named({ type, id }: NonNullable<RelatedFilter['entity']>, filter: RelatedFilter): RawBuilder<unknown> {
  return sql`select key as agent_key, ${type} as type, ${id} as id from agents where ${ofAgents(filter)} and (
    exists (select 1 from entities where agent_key = key and type = ${type} and id = ${id})
    or exists (select 1 from relations where target_type = ${type} and target_id = ${id} and agent_key = key))`
}

/** Selects the entities with the first label, of at most {@link MAX_RELATIONS} with those that were deleted. */
function labelled(filter: RelatedFilter): RawBuilder<unknown> {
  const isRecent = filter.since === undefined ? sql`true` : sql`(deleted_at is null or deleted_at >= ${filter.since})`
  return sql`select agent_key, type, id from (${withFirstLabel(filter)} limit ${MAX_RELATIONS})
    join entities using (agent_key, type, id) where ${isRecent}`
}

function withFirstLabel(filter: RelatedFilter): RawBuilder<unknown> {
  const [name, value] = filter.labels[0] ?? []
  return sql`select agent_key, type, id from entity_labels where name = ${name} and value = ${value}
    and agent_key in (select key from agents where ${ofAgents(filter)})`
}

/** Returns true if {@link labelled} does not examine all entities. */
async function haveTooManyLabels(database: Kysely<Tables>, filter: RelatedFilter): Promise<boolean> {
  if (filter.entity !== undefined) return false
  const statement = sql`${withFirstLabel(filter)} limit 1 offset ${MAX_RELATIONS}`
  return (await statement.execute(database)).rows.length > 0
}

/** Returns the conditions of a filter on `agents`. */
function ofAgents(filter: RelatedFilter): RawBuilder<unknown> {
  const conditions = (['environment', 'agent_type', 'agent_id'] as const).flatMap((name) => {
    const value = filter[name]
    return value === undefined ? [] : [sql`agents.${sql.ref(name)} in (${sql.join([value].flat())})`]
  })
  return sql.join([sql`true`, ...conditions], sql` and `)
}

/** Finds the targets of relations, described or not. */
async function findTargets(
  database: Kysely<Tables>,
  keys: readonly EntityKey[],
  relation: RawBuilder<unknown>,
  limit: number,
): Promise<EntityKey[]> {
  const statement = sql<EntityKey>`
    select distinct agent_key, type, id from (
      select entities.agent_key, target.value ->> 'type' as relation, target.value ->> '$.target.type' as type,
        target.value ->> '$.target.id' as id
      from ${entityRows(keys)} as start
      cross join entities using (agent_key, type, id)
      cross join json_each(entities.relations) as target)
    where ${relation} limit ${limit + 1}`
  return (await statement.execute(database)).rows
}

/** Selects the relations to entities, at most {@link MAX_RELATIONS}. */
function sourcesOf(keys: readonly EntityKey[]): RawBuilder<unknown> {
  return sql`(select relations.agent_key, relations.type, relations.id, relation from ${entityRows(keys)} as start
    cross join relations on target_type = start.type and target_id = start.id and relations.agent_key = start.agent_key
    limit ${MAX_RELATIONS})`
}

/** Returns true if {@link sourcesOf} does not select all relations. */
async function haveTooManySources(database: Kysely<Tables>, keys: readonly EntityKey[]): Promise<boolean> {
  const statement = sql`select 1 from ${sourcesOf(keys)} limit 1 offset ${MAX_RELATIONS - 1}`
  return (await statement.execute(database)).rows.length > 0
}

/** Finds the entities with a relation to one of the keys, the most recently changed first. */
async function findSources(
  database: Kysely<Tables>,
  keys: readonly EntityKey[],
  relation: RawBuilder<unknown>,
  since: number | undefined,
  limit: number,
): Promise<EntityKey[]> {
  const statement = sql<EntityKey>`
    select distinct entities.agent_key, entities.type, entities.id from ${sourcesOf(keys)} as source
    cross join entities on entities.agent_key = source.agent_key and entities.type = source.type
      and entities.id = source.id
    where ${relation} and (deleted_at is null or deleted_at >= ${since ?? 0})
    order by updated_at desc limit ${limit + 1}`
  return (await statement.execute(database)).rows
}

/** Finds the same entities as agents of other types in the environment describe them, such as the host of a node. */
async function findTwins(database: Kysely<Tables>, keys: readonly EntityKey[], limit: number): Promise<EntityKey[]> {
  const statement = sql<EntityKey>`
    select distinct entities.agent_key, entities.type, entities.id from ${entityRows(keys)} as start
    cross join agents as own on own.key = start.agent_key
    cross join entities indexed by entities_by_id on entities.type = start.type and entities.id = start.id
    cross join agents as other on other.key = entities.agent_key
    where other.environment = own.environment and other.agent_type <> own.agent_type
    limit ${limit + 1}`
  return (await statement.execute(database)).rows
}
