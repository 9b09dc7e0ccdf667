import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads the gaps of an agent, newest first. */
export function createGapReader(database: Kysely<Tables>): SignalStore['gaps'] {
  return async (agentKey, openOnly, page) => {
    let query = selectGaps(database).where('gaps.agent_key', '=', agentKey)
    if (openOnly) query = query.where(IS_OPEN)
    if (page.after !== undefined) {
      const [since = 0, scope = ''] = page.after
      query = query.where(sql<boolean>`(gaps.since, gaps.scope) < (${since}, ${scope})`)
    }
    const rows = await query
      .orderBy('gaps.since', 'desc')
      .orderBy('gaps.scope', 'desc')
      .limit(page.limit + 1)
      .execute()
    return toPage(rows, page, ({ since, scope }) => [since, scope])
  }
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
