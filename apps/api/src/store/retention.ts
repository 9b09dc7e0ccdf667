import { setImmediate } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { SeriesIndex } from './ingest/series-index.ts'
import type { Tables } from './sqlite/tables.ts'
import type { RetentionOutcome } from './store.ts'

/** Series whose points are looked at together. */
const SERIES = 200

/** Rows that one statement removes at most. Reports are taken, and requests answered, in between. */
const ROWS = 5000

/** An instance of which nothing was heard for this long is forgotten, in milliseconds: every update of a deployment leaves some behind. */
const INSTANCE_SILENCE = 3_600_000

/** Removes what is older than `before`. Series, agents and expired tokens go with the last thing that they hold. */
export async function applyRetention(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
  now: number,
): Promise<RetentionOutcome> {
  const remove = (from: Removal, condition: RawBuilder<unknown>): Promise<number> => inSteps(database, from, condition)
  const { points, series } = await removePoints(database, index, before)
  const events = await remove(EVENTS, sql`at < ${before}`)
  const reports = await remove(REPORTS, sql`received_at < ${before}`)
  const entities = await remove(ENTITIES, sql`deleted_at < ${before}`)
  await remove(GAPS, sql`last_reported_at < ${before}`)
  await remove(LEADS, sql`last_report_at < ${before} and ceiling is not null`)
  await remove(PARTS, sql`received_at < ${before}`)
  await remove(INSTANCES, sql`last_heartbeat_at + max(${INSTANCE_SILENCE}, 3000 * interval_seconds) < ${now}`)
  await remove(TOKENS, sql`expires_at < ${before} or revoked_at < ${before}`)

  // An agent that has not called for the whole time is forgotten: it may never come back under this identity.
  const silent = sql`agent_key in (select key from agents where last_seen_at < ${before})`
  for (const table of [ENTITIES, GAPS, EVENTS, REPORTS, LEADS, PARTS, INSTANCES]) await remove(table, silent)
  const kept = sql.join(
    ['series', 'entities', 'gaps', 'events', 'reports', 'agent_leads', 'snapshot_parts', 'agent_instances'].map(
      (table) => sql`not exists (select 1 from ${sql.table(table)} as kept where kept.agent_key = agents.key)`,
    ),
    sql` and `,
  )
  const agents = await remove(AGENTS, sql`last_seen_at < ${before} and ${kept}`)
  return { points, series, events, entities, reports, agents }
}

async function removePoints(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
): Promise<{ points: number; series: number }> {
  const outcome = { points: 0, series: 0 }
  for (let after = 0; ; ) {
    const ids = (
      await database.selectFrom('series').select('id').where('id', '>', after).orderBy('id').limit(SERIES).execute()
    ).map((row) => row.id)
    const last = ids.at(-1)
    if (last === undefined) return outcome
    after = last
    const these = sql.join(ids)
    outcome.points += await inSteps(database, POINTS, sql`series_id in (${these}) and at < ${before}`)
    // In one transaction with the index: a report that is written in between must not use the id of a series that is gone.
    const series = await database.transaction().execute(async (transaction) => {
      const empty = sql`id in (${these}) and not exists (select 1 from points where series_id = series.id)`
      const count = await inSteps(transaction, SERIES_TABLE, empty)
      if (count > 0) index.clear()
      return count
    })
    outcome.series += series
    await setImmediate()
  }
}

/** A table to remove rows of, and what tells its rows apart. */
interface Removal {
  readonly table: keyof Tables
  readonly key: readonly string[]
}

const POINTS: Removal = { table: 'points', key: ['series_id', 'at'] }
const SERIES_TABLE: Removal = { table: 'series', key: ['id'] }
const EVENTS: Removal = { table: 'events', key: ['key'] }
const REPORTS: Removal = { table: 'reports', key: ['agent_key', 'report_id'] }
const ENTITIES: Removal = { table: 'entities', key: ['agent_key', 'type', 'id'] }
const GAPS: Removal = { table: 'gaps', key: ['agent_key', 'scope', 'since'] }
const LEADS: Removal = { table: 'agent_leads', key: ['agent_key', 'lead_id'] }
const PARTS: Removal = { table: 'snapshot_parts', key: ['agent_key', 'first_id', 'number'] }
const INSTANCES: Removal = { table: 'agent_instances', key: ['agent_key', 'instance_id'] }
const TOKENS: Removal = { table: 'tokens', key: ['id'] }
const AGENTS: Removal = { table: 'agents', key: ['key'] }

async function inSteps(
  database: Kysely<Tables>,
  { table, key }: Removal,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const one = key.length === 1 ? columns : sql`(${columns})`
  const statement = sql`delete from ${sql.table(table)} where ${one} in (select ${columns} from ${sql.table(table)} where ${condition} limit ${sql.lit(ROWS)})`
  for (let total = 0; ; await setImmediate()) {
    const { numAffectedRows = 0n } = await statement.execute(database)
    total += Number(numAffectedRows)
    if (numAffectedRows < ROWS) return total
  }
}
