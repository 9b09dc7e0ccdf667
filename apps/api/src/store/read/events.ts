import { SEVERITIES } from '@rca/core/protocol'
import { type Kysely, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { EventQuery } from '../queries.ts'
import type { StoredEvent } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Reads events, newest first. */
export function createEventReader(database: Kysely<Tables>): SignalStore['events'] {
  return async (query) =>
    toPage(
      await select(database, query).execute(),
      query,
      (row): StoredEvent => ({
        environment: row.environment,
        agentId: row.agent_id,
        agentType: row.agent_type,
        eventId: row.event_id ?? undefined,
        name: row.name,
        at: row.at,
        severity: SEVERITIES[row.severity] ?? 'info',
        entity: { type: row.entity_type, id: row.entity_id },
        body: row.body,
        attributes: JSON.parse(row.attributes) as StoredEvent['attributes'],
      }),
      (row) => [row.at, row.key],
    )
}

function select(database: Kysely<Tables>, wanted: EventQuery) {
  let query = database
    .selectFrom('events')
    .innerJoin('agents', 'agents.key', 'events.agent_key')
    .selectAll('events')
    .select(['agents.environment', 'agents.agent_id', 'agents.agent_type'])
  if (wanted.environment !== undefined) query = query.where('agents.environment', '=', wanted.environment)
  if (wanted.agentId !== undefined) query = query.where('agents.agent_id', '=', wanted.agentId)
  if (wanted.agentType !== undefined) query = query.where('agents.agent_type', '=', wanted.agentType)
  if (wanted.from !== undefined) query = query.where('events.at', '>=', wanted.from)
  if (wanted.to !== undefined) query = query.where('events.at', '<', wanted.to)
  if (wanted.severity !== undefined) query = query.where('events.severity', '>=', SEVERITIES.indexOf(wanted.severity))
  if (wanted.name !== undefined) query = query.where('events.name', '=', wanted.name)
  if (wanted.entity?.type !== undefined) query = query.where('entity_type', '=', wanted.entity.type)
  if (wanted.entity?.id !== undefined) query = query.where('entity_id', '=', wanted.entity.id)
  if (wanted.after !== undefined) {
    const [at = 0, key = 0] = wanted.after
    query = query.where(sql<boolean>`(events.at, events.key) < (${at}, ${key})`)
  }
  return query
    .orderBy('events.at', 'desc')
    .orderBy('events.key', 'desc')
    .limit(wanted.limit + 1)
}
