import { type Kysely, type Selectable, sql } from 'kysely'
import { toPage } from '../page.ts'
import type { ListedAgent, StoredAgent, StoredInstance } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import { type AgentQuery, type AgentStore, OFFLINE_AFTER_INTERVALS } from '../store.ts'
import { toGap } from './gaps.ts'

/** Reads agents, their instances and their open gaps. */
export function createAgentReader(database: Kysely<Tables>): Omit<AgentStore, 'heartbeat'> {
  return {
    list: async (query) => {
      const rows = await listRows(database, query).execute()
      return toPage(rows, query, toListed, (row) => [row.environment, row.agent_type, row.key])
    },

    find: async (agentId, environment, agentType) => {
      let found = database.selectFrom('agents').selectAll().where('agent_id', '=', agentId)
      if (environment !== undefined) found = found.where('environment', '=', environment)
      if (agentType !== undefined) found = found.where('agent_type', '=', agentType)
      return (await found.orderBy('environment').orderBy('agent_type').execute()).map(toAgent)
    },

    instances: async (keys) => {
      if (keys.length === 0) return new Map()
      const rows = await database
        .selectFrom('agent_instances')
        .selectAll()
        .where('agent_key', 'in', [...keys])
        .orderBy('role')
        .orderBy('started_at')
        .orderBy('instance_id')
        .execute()
      return groupByAgent(rows, toInstance)
    },

    openGaps: async (keys) => {
      if (keys.length === 0) return new Map()
      const rows = await database
        .selectFrom('gaps')
        .innerJoin('agents', 'agents.key', 'gaps.agent_key')
        .selectAll('gaps')
        .select('agents.newest_revision')
        .where('gaps.agent_key', 'in', [...keys])
        .whereRef('gaps.revision', '>=', 'agents.newest_revision')
        .orderBy('gaps.since')
        .execute()
      return groupByAgent(rows, toGap)
    },
  }
}

function groupByAgent<Row extends { readonly agent_key: number }, Item>(
  rows: readonly Row[],
  toItem: (row: Row) => Item,
): Map<number, Item[]> {
  const groups = Map.groupBy(rows, (row) => row.agent_key)
  return new Map([...groups].map(([key, group]) => [key, group.map(toItem)]))
}

/** Selects provisioned types with a valid token and without an agent. */
function selectPending(database: Kysely<Tables>, now: number) {
  return database
    .selectFrom('provisions')
    .select([
      'environment',
      'agent_type',
      sql<number>`0`.as('key'),
      sql<number>`created_at`.as('seen_at'),
      sql<string>`'pending'`.as('connectivity'),
    ])
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('tokens')
          .select('id')
          .whereRef('tokens.environment', '=', 'provisions.environment')
          .whereRef('tokens.agent_type', '=', 'provisions.agent_type')
          .where('revoked_at', 'is', null)
          .where((expression) =>
            expression.or([expression('expires_at', 'is', null), expression('expires_at', '>', now)]),
          ),
      ),
    )
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('agents')
            .select('key')
            .whereRef('agents.environment', '=', 'provisions.environment')
            .whereRef('agents.agent_type', '=', 'provisions.agent_type'),
        ),
      ),
    )
}

function selectSeen(database: Kysely<Tables>, { now, intervalSeconds }: AgentQuery) {
  const offlineAfter = sql<number>`${OFFLINE_AFTER_INTERVALS * 1000} * coalesce(interval_seconds, ${intervalSeconds})`
  return database
    .selectFrom('agents')
    .select([
      'environment',
      'agent_type',
      'key',
      sql<number>`last_seen_at`.as('seen_at'),
      sql<string>`case when standing_by = 0 and last_seen_at + ${offlineAfter} >= ${now} then 'online' else 'offline' end`.as(
        'connectivity',
      ),
    ])
}

/** Selects agents, and placeholders for provisioned types without an agent. */
function listRows(database: Kysely<Tables>, query: AgentQuery) {
  let listed = database
    .selectFrom(selectSeen(database, query).unionAll(selectPending(database, query.now)).as('listed'))
    .leftJoin('agents', 'agents.key', 'listed.key')
    .select(['listed.environment', 'listed.agent_type', 'listed.key', 'listed.seen_at'])
    .select([
      'agents.agent_id',
      'agents.agent_version',
      'agents.name',
      'agents.started_at',
      'agents.first_seen_at',
      'agents.last_seen_at',
    ])
    .select([
      'agents.last_heartbeat_at',
      'agents.last_report_at',
      'agents.interval_seconds',
      'agents.collectors',
      'agents.outbox',
      'agents.standing_by',
    ])
  if (query.environment !== undefined) listed = listed.where('listed.environment', '=', query.environment)
  if (query.agentType !== undefined) listed = listed.where('listed.agent_type', '=', query.agentType)
  if (query.connectivity !== undefined) listed = listed.where('connectivity', '=', query.connectivity)
  if (query.after !== undefined) {
    const [environment = '', agentType = '', key = 0] = query.after
    listed = listed.where(
      sql<boolean>`(listed.environment, listed.agent_type, listed.key) > (${environment}, ${agentType}, ${key})`,
    )
  }
  return listed
    .orderBy('listed.environment')
    .orderBy('listed.agent_type')
    .orderBy('listed.key')
    .limit(query.limit + 1)
}

type ListedRow = Awaited<ReturnType<ReturnType<typeof listRows>['execute']>>[number]

function toListed(row: ListedRow): ListedAgent {
  const {
    environment,
    agent_type: agentType,
    agent_id: agentId,
    agent_version: version,
    first_seen_at: firstSeenAt,
    last_seen_at: lastSeenAt,
    standing_by: standingBy,
  } = row
  if (agentId === null || version === null || firstSeenAt === null || lastSeenAt === null || standingBy === null)
    return { key: 0, environment, agentType, agentId: undefined, provisionedAt: row.seen_at }
  return toAgent({
    ...row,
    agent_id: agentId,
    agent_version: version,
    first_seen_at: firstSeenAt,
    last_seen_at: lastSeenAt,
    standing_by: standingBy,
  })
}

/** Columns without those that only the writing of reports uses. */
type AgentRow = Omit<
  Selectable<Tables['agents']>,
  'clock_offset' | 'newest_revision' | 'newest_sequence' | 'newest_report_id' | 'newest_lead' | 'provisional'
>

function toAgent(row: AgentRow): StoredAgent {
  return {
    key: row.key,
    environment: row.environment,
    agentType: row.agent_type,
    agentId: row.agent_id,
    agentVersion: row.agent_version,
    name: row.name ?? undefined,
    startedAt: row.started_at ?? undefined,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    lastHeartbeatAt: row.last_heartbeat_at ?? undefined,
    lastReportAt: row.last_report_at ?? undefined,
    intervalSeconds: row.interval_seconds ?? undefined,
    collectors: row.collectors === null ? undefined : (JSON.parse(row.collectors) as StoredAgent['collectors']),
    standingBy: row.standing_by === 1,
    outbox: row.outbox === null ? undefined : (JSON.parse(row.outbox) as StoredAgent['outbox']),
  }
}

function toInstance(row: Selectable<Tables['agent_instances']>): StoredInstance {
  return {
    instanceId: row.instance_id,
    role: row.role === 'leader' ? 'leader' : 'standby',
    startedAt: row.started_at,
    agentVersion: row.agent_version,
    collectors: JSON.parse(row.collectors) as StoredInstance['collectors'],
    lastHeartbeatAt: row.last_heartbeat_at,
    intervalSeconds: row.interval_seconds,
  }
}
