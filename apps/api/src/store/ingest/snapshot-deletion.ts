import type { Report } from '@rca/core/protocol'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { ReportStamp } from './signal-writers.ts'
import type { Pause } from './write-parts.ts'

/** Entities or relations that one statement examines. */
const MAX_EXAMINED = 2000

/** Unread entities whose relations are followed together, while they have few. */
const MAX_FOLLOWED = 200

type Exceptions = NonNullable<NonNullable<Report['part']>['snapshot_except'] | Report['snapshot_except']>

/**
 * Marks entities without a report since a snapshot as deleted, in steps: an agent may have a million of them. Keeps
 * those that the agent could not read, and those with a relation to them, at any distance.
 */
export async function markDeletedBySnapshot(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  pause: Pause,
  unread: Exceptions = [],
): Promise<void> {
  const kept = unread.length > 0 ? await findKept(transaction, agent, unread, pause) : undefined
  const condition = kept === undefined ? sql`true` : sql`not ${kept}`
  for (let start = sql`true`; ; ) {
    const { rows } = await sql<{ type: string; id: string }>`
      select type, id from entities where agent_key = ${agent} and ${start} order by type, id
      limit 1 offset ${MAX_EXAMINED - 1}`.execute(transaction)
    const [last] = rows
    const end = last === undefined ? sql`true` : sql`(type, id) <= (${last.type}, ${last.id})`
    await sql`update entities set deleted_at = ${at}, updated_at = ${at}, revision = ${revision}
      where agent_key = ${agent} and ${start} and ${end} and deleted_at is null and revision < ${revision}
        and ${condition}`.execute(transaction)
    await pause()
    if (last === undefined) break
    start = sql`(type, id) > (${last.type}, ${last.id})`
  }
  if (kept !== undefined) await sql`delete from unread_entities`.execute(transaction)
}

/**
 * Collects the entities that may exist although a snapshot lacks them, in a temporary table. Its keys are the order in
 * which they were found, and in which the relations to them are followed. Returns the condition of `entities` to keep.
 */
async function findKept(
  transaction: Transaction<Tables>,
  agent: number,
  unread: Exceptions,
  pause: Pause,
): Promise<RawBuilder<unknown>> {
  await sql`create temporary table if not exists unread_entities (
    key integer primary key, type text not null, id text not null, unique (type, id))`.execute(transaction)
  // Left by a transaction that was rolled back after the table was created.
  await sql`delete from unread_entities`.execute(transaction)
  const types = unread.flatMap(({ type, id }) => (id === undefined ? [type] : []))
  const entities = unread.flatMap(({ type, id }) => (id === undefined ? [] : [[type, id]]))
  await sql`insert or ignore into unread_entities (type, id)
    select value ->> 0, value ->> 1 from json_each(${JSON.stringify(entities)})`.execute(transaction)
  for (const type of new Set(types)) await addSources(transaction, agent, { type }, pause)
  for (let [done, count] = [0, MAX_FOLLOWED]; ; ) {
    const { rows } = await sql<{ key: number; type: string; id: string }>`
      select key, type, id from unread_entities where key > ${done} order by key limit ${count}`.execute(transaction)
    const [first, last] = [rows[0], rows.at(-1)]
    if (first === undefined || last === undefined) break
    const relations = sql`unread_entities cross join relations
      on target_type = unread_entities.type and target_id = unread_entities.id and agent_key = ${agent}
      where key between ${first.key} and ${last.key}`
    const { rows: many } = await sql`select 1 from ${relations} limit 1 offset ${MAX_EXAMINED}`.execute(transaction)
    if (many.length > 0 && rows.length > 1) {
      count = Math.ceil(rows.length / 2)
      continue
    }
    if (many.length > 0) await addSources(transaction, agent, first, pause)
    else
      await sql`insert or ignore into unread_entities (type, id) select relations.type, relations.id from ${relations}`.execute(
        transaction,
      )
    ;[done, count] = [last.key, MAX_FOLLOWED]
    await pause()
  }
  return sql`(type in (select value from json_each(${JSON.stringify(types)}))
    or exists (select 1 from unread_entities as unread where unread.type = entities.type and unread.id = entities.id))`
}

/**
 * Adds the entities of the agent with a relation to a type, or to one entity, in steps. SQLite seeks both ends of a
 * range of whole keys; beside an equality, it would compare every relation of the type.
 */
async function addSources(
  transaction: Transaction<Tables>,
  agent: number,
  { type, id }: { readonly type: string; readonly id?: string },
  pause: Pause,
): Promise<void> {
  const key = sql`(target_type, target_id, agent_key, relation, type, id)`
  const all =
    id === undefined
      ? sql`target_type <= ${type}`
      : sql`(target_type, target_id, agent_key) <= (${type}, ${id}, ${agent})`
  for (let start = sql`(${type}, ${id ?? ''}, ${id === undefined ? 0 : agent}, '', '', '')`; ; ) {
    const { rows } = await sql<Tables['relations']>`
      select * from relations where ${key} > ${start} and ${all}
      order by target_type, target_id, agent_key, relation, type, id limit 1 offset ${MAX_EXAMINED - 1}`.execute(
      transaction,
    )
    const [last] = rows
    const end =
      last &&
      sql`(${last.target_type}, ${last.target_id}, ${last.agent_key}, ${last.relation}, ${last.type}, ${last.id})`
    await sql`insert or ignore into unread_entities (type, id) select type, id from relations
      where ${key} > ${start} and ${end === undefined ? all : sql`${key} <= ${end}`} and agent_key = ${agent}`.execute(
      transaction,
    )
    await pause()
    if (end === undefined) return
    start = end
  }
}
