import { type Kysely, type Selectable, sql } from 'kysely'
import { OFFLINE_AFTER_INTERVALS } from '../connectivity.ts'
import { type PageRequest, toPage } from '../page.ts'
import type { ListedAgent, StoredAgent, StoredInstance } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentListFilter, AgentStore } from '../store.ts'
import { IS_OPEN, selectGaps } from './gaps.ts'

/** Reads agents, their instances and their open gaps. */
export function createAgentReader(database: Kysely<Tables>, pool: ReadPool): Omit<AgentStore, 'heartbeat'> {
  return {
    list: async (filter, page, session) => {
      const rows = await selectListed(pool.database(session), filter, page).execute()
      return toPage(rows.map(toListed), page, ({ environment, agent_type, key }) => [environment, agent_type, key])
    },

    dataFlows: async () => {
      const rows = await database
        .selectFrom('agents')
        .select(['standing_by', 'last_seen_at', 'last_heartbeat_at', 'interval_seconds', 'report_interval_seconds'])
        .select(['last_delivery_at', 'online_since'])
        // In JSON, a quote within a text is escaped. This is cheaper than reading the statuses of all agents.
        .select(sql<number>`coalesce(collectors, '{}') = '{}' or instr(collectors, '"ok":true') > 0`.as('working'))
        .execute()
      return rows.map(({ working, ...row }) => ({ ...row, hasWorkingCollector: working === 1 }))
    },

    versions: async () => {
      const rows = await database.selectFrom('agents').select('agent_version').distinct().execute()
      return rows.map(({ agent_version }) => agent_version)
    },

    find: async (agentId, { environment, agent_type: agentType }) => {
      let found = database.selectFrom('agents').selectAll().where('agent_id', '=', agentId)
      if (environment !== undefined) found = found.where('environment', 'in', [environment].flat())
      if (agentType !== undefined) found = found.where('agent_type', '=', agentType)
      return (await found.orderBy('environment').orderBy('agent_type').execute()).map(parseStatus)
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
      const instances = rows.map(
        (row): StoredInstance => ({
          ...row,
          role: row.role === 'leader' ? 'leader' : 'standby',
          collectors: JSON.parse(row.collectors) as StoredInstance['collectors'],
        }),
      )
      return Map.groupBy(instances, (instance) => instance.agent_key)
    },

    openGaps: async (keys) => {
      if (keys.length === 0) return new Map()
      const rows = await selectGaps(database)
        .where('gaps.agent_key', 'in', [...keys])
        .where(IS_OPEN)
        .orderBy('gaps.since')
        .execute()
      return Map.groupBy(rows, (gap) => gap.agent_key)
    },
  }
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

function selectSeen(database: Kysely<Tables>, { now, intervalSeconds }: AgentListFilter) {
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
function selectListed(database: Kysely<Tables>, filter: AgentListFilter, page: PageRequest) {
  let listed = database
    .selectFrom(selectSeen(database, filter).unionAll(selectPending(database, filter.now)).as('listed'))
    .leftJoin('agents', 'agents.key', 'listed.key')
    .selectAll('agents')
    .select([
      'listed.environment as listed_environment',
      'listed.agent_type as listed_type',
      'listed.key as listed_key',
      'listed.seen_at',
    ])
  if (filter.environment !== undefined) listed = listed.where('listed.environment', 'in', [filter.environment].flat())
  if (filter.agent_type !== undefined) listed = listed.where('listed.agent_type', '=', filter.agent_type)
  if (filter.connectivity !== undefined) listed = listed.where('connectivity', '=', filter.connectivity)
  if (filter.versions !== undefined) listed = listed.where('agents.agent_version', 'in', [...filter.versions])
  if (page.after !== undefined) {
    const [environment = '', agentType = '', key = 0] = page.after
    listed = listed.where(
      sql<boolean>`(listed.environment, listed.agent_type, listed.key) > (${environment}, ${agentType}, ${key})`,
    )
  }
  return listed
    .orderBy('listed.environment')
    .orderBy('listed.agent_type')
    .orderBy('listed.key')
    .limit(page.limit + 1)
}

type ListedRow = Awaited<ReturnType<ReturnType<typeof selectListed>['execute']>>[number]

function toListed({ listed_environment, listed_type, listed_key: _, seen_at, ...agent }: ListedRow): ListedAgent {
  if (agent.key === null)
    return { key: 0, agent_id: null, environment: listed_environment, agent_type: listed_type, provisioned_at: seen_at }
  // The join has all columns of an agent or none.
  return parseStatus(agent as AgentRow)
}

type AgentRow = Selectable<Tables['agents']>

function parseStatus(row: AgentRow): StoredAgent {
  return {
    ...row,
    collectors: row.collectors === null ? null : (JSON.parse(row.collectors) as StoredAgent['collectors']),
    outbox: row.outbox === null ? null : (JSON.parse(row.outbox) as StoredAgent['outbox']),
    processes: JSON.parse(row.processes) as string[],
  }
}
