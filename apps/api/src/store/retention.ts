import { setImmediate } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { SeriesIndex } from './ingest/series-index.ts'
import { selectBlockKeys, windowOf } from './sqlite/point-blocks.ts'
import type { Tables } from './sqlite/tables.ts'
import type { RetentionOutcome } from './store.ts'

/** Series whose points are removed together. */
const SERIES_BATCH_SIZE = 200

/** Maximum rows per statement. Requests are served between two statements. */
const MAX_ROWS_PER_STEP = 5000

/** Maximum blocks of packed points per statement: some pages each. */
const MAX_BLOCKS_PER_STEP = 1000

/** Instances without a heartbeat for this time are removed: every update of a deployment leaves some behind. */
const INSTANCE_TIMEOUT_MS = 3_600_000

/** Time without any report for which the clock is trusted. */
const MAX_SILENCE_MS = 3_600_000

/** A removed agent that did not use its token for this time may no longer use it after the token's lifetime. */
const MEMBER_TIMEOUT_MS = 90 * 86_400_000

/**
 * Removes data from before `latest`, and series and agents without any data left. Age counts from the newest report:
 * after an hour without reports, and for a clock that is wrong, no time passes. Packed points stay until their whole
 * window is older, up to six hours longer.
 */
export async function applyRetention(
  database: Kysely<Tables>,
  index: SeriesIndex,
  latest: number,
  now: number,
): Promise<RetentionOutcome> {
  const silence = now - (await findNewestTime(database, now))
  const before = silence > MAX_SILENCE_MS ? latest - silence : latest
  const remove = (table: keyof typeof KEYS, condition: RawBuilder<unknown>): Promise<number> =>
    removeInSteps(database, table, condition)
  await removeDataOfRemovedAgents(database)
  const { points, series } = await removePoints(database, index, before)
  const events = await remove('events', sql`at < ${before}`)
  const reports = await remove('reports', sql`received_at < ${before}`)
  const entities = await removeEntities(database, sql`deleted_at < ${before}`)
  await remove('gaps', sql`last_reported_at < ${before}`)
  await remove('agent_leads', sql`last_report_at < ${before} and ceiling is not null`)
  await remove('snapshot_parts', sql`received_at < ${before}`)
  await remove(
    'agent_instances',
    sql`last_heartbeat_at + max(${INSTANCE_TIMEOUT_MS}, 3000 * interval_seconds) < ${now}`,
  )
  const ended = sql`expires_at < ${before} or revoked_at < ${before}`
  await remove('agent_keys', ended)
  await remove('access_tokens', ended)
  await remove(
    'token_agents',
    sql`last_used_at < ${now - MEMBER_TIMEOUT_MS} and not exists (
      select 1 from tokens join agents using (environment, agent_type)
      where tokens.id = token_agents.token_id and agents.agent_id = token_agents.agent_id)`,
  )
  const unused = sql`not exists (select 1 from token_agents where token_id = tokens.id)`
  await remove(
    'tokens',
    sql`expires_at < ${before} or revoked_at < ${before} or (joinable_until < ${before} and ${unused})`,
  )
  await remove(
    'agent_revocations',
    sql`not exists (
      select 1 from tokens
      where tokens.environment = agent_revocations.environment and tokens.agent_type = agent_revocations.agent_type
        and tokens.created_at <= agent_revocations.revoked_at)`,
  )

  // Agents that have not called since `before` are removed with everything they sent.
  const silent = sql`agent_key in (select key from agents where last_seen_at < ${before})`
  await removeEntities(database, silent)
  for (const table of OWNED_TABLES) await remove(table, silent)
  const kept = ['series', ...OWNED_TABLES].map(
    (table) => sql`not exists (select 1 from ${sql.table(table)} as kept where kept.agent_key = agents.key)`,
  )
  const agents = await remove('agents', sql`last_seen_at < ${before} and ${sql.join(kept, sql` and `)}`)
  return { points, series, events, entities, reports, agents }
}

/** Returns the time of the newest report by the clock of its agent, at most `now`; `now` without any reports. */
export async function findNewestTime(database: Kysely<Tables>, now: number): Promise<number> {
  const { rows } = await sql<{ newest: number | null }>`
    select max(min(${now}, last_report_at + min(0, clock_offset))) as newest from agents`.execute(database)
  return rows[0]?.newest ?? now
}

async function removePoints(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
): Promise<{ points: number; series: number }> {
  const outcome = { points: 0, series: 0 }
  for (let after = 0; ; ) {
    const found = database.selectFrom('series').select('id').where('id', '>', after).orderBy('id')
    const ids = (await found.limit(SERIES_BATCH_SIZE).execute()).map((row) => row.id)
    const last = ids.at(-1)
    if (last === undefined) return outcome
    after = last
    const these = sql.join(ids)
    outcome.points += await removeInSteps(database, 'points', sql`series_id in (${these}) and at < ${before}`)
    outcome.points += await removeBlocks(database, ids, windowOf(before))
    // Clears the index within the transaction, so that no report uses the id of a removed series.
    outcome.series += await database.transaction().execute(async (transaction) => {
      const empty = sql`id in (${these}) and not exists (select 1 from points where series_id = series.id)`
      await sql`update agents set series_count = max(0, series_count - removed.count)
        from (select agent_key, count(*) as count from series where ${empty} group by agent_key) as removed
        where agents.key = removed.agent_key`.execute(transaction)
      const { rows: removed } = await sql<{ id: number }>`
        delete from series where ${empty} returning id`.execute(transaction)
      if (removed.length === 0) return 0
      index.clear()
      // Points of the window that `before` is in, all of them older.
      outcome.points += await removeBlocks(
        transaction,
        removed.map(({ id }) => id),
      )
      return removed.length
    })
    await setImmediate()
  }
}

/** Tables whose rows belong to one agent, beside `series` and their points. */
const OWNED_TABLES = [
  'entities',
  'gaps',
  'events',
  'reports',
  'agent_leads',
  'snapshot_parts',
  'agent_instances',
] as const satisfies (keyof typeof KEYS)[]

/** Removes what removed agents sent. The next run goes on when this one is interrupted. */
async function removeDataOfRemovedAgents(database: Kysely<Tables>): Promise<void> {
  for (;;) {
    const removed = await database.selectFrom('removed_agents').selectAll().limit(1).executeTakeFirst()
    if (removed === undefined) return
    const { agent_key: agent } = removed
    for (;;) {
      const found = database.selectFrom('series').select('id').where('agent_key', '=', agent)
      const ids = (await found.limit(SERIES_BATCH_SIZE).execute()).map((row) => row.id)
      if (ids.length === 0) break
      const these = sql.join(ids)
      await removeInSteps(database, 'points', sql`series_id in (${these})`)
      await removeBlocks(database, ids)
      await removeInSteps(database, 'series', sql`id in (${these})`)
      await setImmediate()
    }
    for (const table of OWNED_TABLES) await removeInSteps(database, table, sql`agent_key = ${agent}`)
    await database.deleteFrom('removed_agents').where('agent_key', '=', agent).execute()
  }
}

/** Removes packed points of windows before one, and returns their number. */
async function removeBlocks(
  database: Kysely<Tables>,
  seriesIds: readonly number[],
  beforeWindow?: number,
): Promise<number> {
  for (let total = 0; ; await setImmediate()) {
    const { rows } = await sql<{ count: number }>`
      delete from point_blocks where key in (
        ${selectBlockKeys(seriesIds, beforeWindow)} limit ${sql.lit(MAX_BLOCKS_PER_STEP)})
      returning count`.execute(database)
    total += rows.reduce((sum, { count }) => sum + count, 0)
    if (rows.length < MAX_BLOCKS_PER_STEP) return total
  }
}

/** Removes entities in steps, and what they use of the limits of their agents. */
async function removeEntities(database: Kysely<Tables>, condition: RawBuilder<unknown>): Promise<number> {
  for (let total = 0; ; await setImmediate()) {
    const count = await database.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ agent: number; bytes: number }>`
        delete from entities where (agent_key, type, id) in (
          select agent_key, type, id from entities where ${condition} limit ${sql.lit(MAX_ROWS_PER_STEP)})
        returning agent_key as agent, octet_length(name) + octet_length(attributes) + octet_length(relations) as bytes`.execute(
        transaction,
      )
      for (const [agent, own] of Map.groupBy(rows, (row) => row.agent)) {
        const bytes = own.reduce((sum, row) => sum + row.bytes, 0)
        await sql`update agents set entity_count = max(0, entity_count - ${own.length}),
          entity_bytes = max(0, entity_bytes - ${bytes}) where key = ${agent}`.execute(transaction)
      }
      return rows.length
    })
    total += count
    if (count < MAX_ROWS_PER_STEP) return total
  }
}

/** Primary keys of the pruned tables. */
const KEYS = {
  points: ['series_id', 'at'],
  series: ['id'],
  events: ['key'],
  reports: ['agent_key', 'report_id'],
  entities: ['agent_key', 'type', 'id'],
  gaps: ['agent_key', 'scope', 'since'],
  agent_leads: ['agent_key', 'lead_id'],
  snapshot_parts: ['agent_key', 'first_id', 'number'],
  agent_instances: ['agent_key', 'instance_id'],
  access_tokens: ['id'],
  agent_keys: ['id'],
  token_agents: ['token_id', 'agent_id'],
  tokens: ['id'],
  agent_revocations: ['environment', 'agent_type', 'agent_id'],
  agents: ['key'],
} as const satisfies Partial<Record<keyof Tables, readonly string[]>>

async function removeInSteps(
  database: Kysely<Tables>,
  table: keyof typeof KEYS,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const columns = sql.join(KEYS[table].map((column) => sql.ref(column)))
  const one = KEYS[table].length === 1 ? columns : sql`(${columns})`
  const statement = sql`delete from ${sql.table(table)} where ${one} in (select ${columns} from ${sql.table(table)} where ${condition} limit ${sql.lit(MAX_ROWS_PER_STEP)})`
  for (let total = 0; ; await setImmediate()) {
    const { numAffectedRows = 0n } = await statement.execute(database)
    total += Number(numAffectedRows)
    if (numAffectedRows < MAX_ROWS_PER_STEP) return total
  }
}
