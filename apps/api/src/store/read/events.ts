import { SEVERITIES } from '@rca/core/protocol'
import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { StoredEvent } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads events, newest first. */
export function createEventReader(database: Kysely<Tables>): SignalStore['events'] {
  return async (filter, page) => {
    let query = database
      .selectFrom('events')
      .innerJoin('agents', 'agents.key', 'events.agent_key')
      .selectAll('events')
      .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
    if (filter.environment !== undefined) query = query.where('agents.environment', '=', filter.environment)
    if (filter.agent_id !== undefined) query = query.where('agents.agent_id', '=', filter.agent_id)
    if (filter.agent_type !== undefined) query = query.where('agents.agent_type', '=', filter.agent_type)
    if (filter.from !== undefined) query = query.where('events.at', '>=', filter.from)
    if (filter.to !== undefined) query = query.where('events.at', '<', filter.to)
    if (filter.severity !== undefined) query = query.where('events.severity', '>=', SEVERITIES.indexOf(filter.severity))
    if (filter.name !== undefined) query = query.where('events.name', '=', filter.name)
    if (filter.entity_type !== undefined) query = query.where('entity_type', '=', filter.entity_type)
    if (filter.entity_id !== undefined) query = query.where('entity_id', '=', filter.entity_id)
    if (page.after !== undefined) {
      const [at = 0, key = 0] = page.after
      query = query.where(sql<boolean>`(events.at, events.key) < (${at}, ${key})`)
    }
    const rows = await query
      .orderBy('events.at', 'desc')
      .orderBy('events.key', 'desc')
      .limit(page.limit + 1)
      .execute()
    const events = rows.map((row) => ({
      ...row,
      severity: SEVERITIES[row.severity] ?? 'info',
      attributes: JSON.parse(row.attributes) as StoredEvent['attributes'],
    }))
    return toPage(events, page, ({ at, key }) => [at, key])
  }
}
