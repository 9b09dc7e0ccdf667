import { setImmediate } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { SeriesIndex } from './ingest/series-index.ts'
import type { Tables } from './sqlite/tables.ts'
import type { RetentionOutcome } from './store.ts'

/** Series whose points are removed together. */
const SERIES_BATCH_SIZE = 200

/** Maximum rows per statement. Requests are served between two statements. */
const MAX_ROWS_PER_STEP = 5000

/** Instances without a heartbeat for this time are removed: every update of a deployment leaves some behind. */
const INSTANCE_TIMEOUT_MS = 3_600_000

/** Removes data from before `before`, and series and agents without any data left. */
export async function applyRetention(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
  now: number,
): Promise<RetentionOutcome> {
  const remove = (from: PrunedTable, condition: RawBuilder<unknown>): Promise<number> =>
    removeInSteps(database, from, condition)
  const { points, series } = await removePoints(database, index, before)
  const events = await remove(EVENTS, sql`at < ${before}`)
  const reports = await remove(REPORTS, sql`received_at < ${before}`)
  const entities = await remove(ENTITIES, sql`deleted_at < ${before}`)
  await remove(GAPS, sql`last_reported_at < ${before}`)
  await remove(TERMS, sql`last_report_at < ${before} and ceiling is not null`)
  await remove(PARTS, sql`received_at < ${before}`)
  await remove(INSTANCES, sql`last_heartbeat_at + max(${INSTANCE_TIMEOUT_MS}, 3000 * interval_seconds) < ${now}`)
  await remove(TOKENS, sql`expires_at < ${before} or revoked_at < ${before}`)

  // Agents that have not called since `before` are removed with everything they sent.
  const silent = sql`agent_key in (select key from agents where last_seen_at < ${before})`
  for (const table of [ENTITIES, GAPS, EVENTS, REPORTS, TERMS, PARTS, INSTANCES]) await remove(table, silent)
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
      await database
        .selectFrom('series')
        .select('id')
        .where('id', '>', after)
        .orderBy('id')
        .limit(SERIES_BATCH_SIZE)
        .execute()
    ).map((row) => row.id)
    const last = ids.at(-1)
    if (last === undefined) return outcome
    after = last
    const these = sql.join(ids)
    outcome.points += await removeInSteps(database, POINTS, sql`series_id in (${these}) and at < ${before}`)
    // Clears the index within the transaction, so that no report uses the id of a removed series.
    const series = await database.transaction().execute(async (transaction) => {
      const empty = sql`id in (${these}) and not exists (select 1 from points where series_id = series.id)`
      const count = await removeInSteps(transaction, SERIES_TABLE, empty)
      if (count > 0) index.clear()
      return count
    })
    outcome.series += series
    await setImmediate()
  }
}

/** A table and its primary key. */
interface PrunedTable {
  readonly table: keyof Tables
  readonly key: readonly string[]
}

const POINTS: PrunedTable = { table: 'points', key: ['series_id', 'at'] }
const SERIES_TABLE: PrunedTable = { table: 'series', key: ['id'] }
const EVENTS: PrunedTable = { table: 'events', key: ['key'] }
const REPORTS: PrunedTable = { table: 'reports', key: ['agent_key', 'report_id'] }
const ENTITIES: PrunedTable = { table: 'entities', key: ['agent_key', 'type', 'id'] }
const GAPS: PrunedTable = { table: 'gaps', key: ['agent_key', 'scope', 'since'] }
const TERMS: PrunedTable = { table: 'agent_leads', key: ['agent_key', 'lead_id'] }
const PARTS: PrunedTable = { table: 'snapshot_parts', key: ['agent_key', 'first_id', 'number'] }
const INSTANCES: PrunedTable = { table: 'agent_instances', key: ['agent_key', 'instance_id'] }
const TOKENS: PrunedTable = { table: 'tokens', key: ['id'] }
const AGENTS: PrunedTable = { table: 'agents', key: ['key'] }

async function removeInSteps(
  database: Kysely<Tables>,
  { table, key }: PrunedTable,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const one = key.length === 1 ? columns : sql`(${columns})`
  const statement = sql`delete from ${sql.table(table)} where ${one} in (select ${columns} from ${sql.table(table)} where ${condition} limit ${sql.lit(MAX_ROWS_PER_STEP)})`
  for (let total = 0; ; await setImmediate()) {
    const { numAffectedRows = 0n } = await statement.execute(database)
    total += Number(numAffectedRows)
    if (numAffectedRows < MAX_ROWS_PER_STEP) return total
  }
}
