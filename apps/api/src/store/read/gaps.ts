import { type Kysely, type Selectable, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { StoredGap } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads the gaps of an agent, newest first. */
export function createGapReader(database: Kysely<Tables>): SignalStore['gaps'] {
  return async (agentKey, openOnly, page) => {
    let query = database
      .selectFrom('gaps')
      .innerJoin('agents', 'agents.key', 'gaps.agent_key')
      .selectAll('gaps')
      .select('agents.newest_revision')
      .where('gaps.agent_key', '=', agentKey)
    if (openOnly) query = query.whereRef('gaps.revision', '>=', 'agents.newest_revision')
    if (page.after !== undefined) {
      const [since = 0, scope = ''] = page.after
      query = query.where(sql<boolean>`(gaps.since, gaps.scope) < (${since}, ${scope})`)
    }
    const rows = await query
      .orderBy('gaps.since', 'desc')
      .orderBy('gaps.scope', 'desc')
      .limit(page.limit + 1)
      .execute()
    return toPage(rows, page, toGap, (row) => [row.since, row.scope])
  }
}

/** Converts a row. Every report contains all open gaps: gaps that the newest report does not contain are closed. */
export function toGap(row: Selectable<Tables['gaps']> & { readonly newest_revision: number }): StoredGap {
  const { scope, reason, since, last_reported_at: lastReportedAt } = row
  return { scope, reason, since, lastReportedAt, open: row.revision >= row.newest_revision }
}
