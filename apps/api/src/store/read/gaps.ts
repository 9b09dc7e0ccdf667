import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { FoldedGap } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Periods of an agent's gaps that are read: those that were reported last. */
const MAX_EXAMINED_PERIODS = 20_000

/** Newest periods of a gap that are returned. */
const MAX_PERIODS = 20

/** Reads the gaps of an agent, one row per scope, the newest first. */
export function createGapReader(pool: ReadPool): SignalStore['gaps'] {
  return async (agentKey, openOnly, page, session) => {
    const database = pool.database(session)
    let query = database
      .selectFrom(selectPeriods(database, agentKey).as('periods'))
      .select(({ fn }) => [
        'scope',
        fn.max('since').as('since'),
        fn.max('last_reported_at').as('last_reported_at'),
        fn.max('open').as('open'),
        fn.countAll<number>().as('count'),
        fn.sum<number>('blind').as('blind'),
      ])
      .groupBy('scope')
    if (openOnly) query = query.having('open', '=', 1)
    if (page.after !== undefined) {
      const [since = 0, scope = ''] = page.after
      query = query.having(sql<boolean>`(max(since), scope) < (${since}, ${scope})`)
    }
    const rows = await query
      .orderBy('since', 'desc')
      .orderBy('scope', 'desc')
      .limit(page.limit + 1)
      .execute()
    const { items, next } = toPage(rows, page, ({ since, scope }) => [since, scope])
    const periods = await readPeriods(
      database,
      agentKey,
      items.map(({ scope }) => scope),
    )
    const complete = await hasAllPeriods(database, agentKey)
    return { items: items.map((item) => fold(item, periods.get(item.scope) ?? [])), next, complete }
  }
}

type Period = Pick<Tables['gaps'], 'since' | 'last_reported_at' | 'reason'>

function fold(row: Omit<FoldedGap, 'reason' | 'periods'>, periods: readonly Period[]): FoldedGap {
  return { ...row, reason: periods[0]?.reason ?? '', periods }
}

/** Selects the newest periods of an agent's gaps. */
function selectNewest(database: Kysely<Tables>, agentKey: number) {
  return database
    .selectFrom('gaps')
    .selectAll()
    .where('gaps.agent_key', '=', agentKey)
    .orderBy('gaps.revision', 'desc')
    .limit(MAX_EXAMINED_PERIODS)
    .as('gaps')
}

async function hasAllPeriods(database: Kysely<Tables>, agentKey: number): Promise<boolean> {
  const { rows } = await sql`select 1 from gaps where agent_key = ${agentKey}
    limit 1 offset ${MAX_EXAMINED_PERIODS}`.execute(database)
  return rows.length === 0
}

/** Selects the periods of an agent's gaps, with the time of each that no earlier one of its scope covers. */
function selectPeriods(database: Kysely<Tables>, agentKey: number) {
  const earlierEnd = sql`max(last_reported_at) over (
    partition by scope order by since rows between unbounded preceding and 1 preceding)`
  return database
    .selectFrom(selectNewest(database, agentKey))
    .innerJoin('agents', 'agents.key', 'gaps.agent_key')
    .select([
      'gaps.scope',
      'gaps.since',
      'gaps.last_reported_at',
      IS_OPEN.$castTo<number>().as('open'),
      sql<number>`max(0, last_reported_at - max(since, coalesce(${earlierEnd}, since)))`.as('blind'),
    ])
}

/** Reads the newest periods of scopes, the newest first. */
async function readPeriods(
  database: Kysely<Tables>,
  agentKey: number,
  scopes: readonly string[],
): Promise<ReadonlyMap<string, Period[]>> {
  if (scopes.length === 0) return new Map()
  const numbered = database
    .selectFrom(selectNewest(database, agentKey))
    .where('scope', 'in', [...scopes])
    .select(['scope', 'since', 'last_reported_at', 'reason'])
    .select(sql<number>`row_number() over (partition by scope order by since desc)`.as('number'))
  const rows = await database
    .selectFrom(numbered.as('numbered'))
    .selectAll()
    .where('number', '<=', MAX_PERIODS)
    .orderBy('number')
    .execute()
  return Map.groupBy(rows, ({ scope }) => scope)
}

/** Every report contains all open gaps: gaps that the newest report does not contain are closed. */
export const IS_OPEN = sql<boolean>`gaps.revision >= agents.newest_revision`

export function selectGaps(database: Kysely<Tables>) {
  return database
    .selectFrom('gaps')
    .innerJoin('agents', 'agents.key', 'gaps.agent_key')
    .selectAll('gaps')
    .select(IS_OPEN.$castTo<number>().as('open'))
}
