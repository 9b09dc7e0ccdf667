import { type Kysely, type Selectable, sql } from 'kysely'
import { OFFLINE_AFTER_INTERVALS } from '../connectivity.ts'
import { type PageRequest, toBoundedPage } from '../page.ts'
import type { ListedAgent, StoredAgent, StoredInstance } from '../records.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentListFilter, AgentStore } from '../store.ts'
import { IS_OPEN, selectGaps } from './gaps.ts'
import { keyList } from './selected-agents.ts'

/** Bytes of the statuses of an agent's instances that are returned. */
const MAX_INSTANCES_BYTES = 512 * 1024

/** Open gaps of a page of agents. A report has at most 256 KiB of them. */
const MAX_OPEN_GAPS = 20_000

/** Reads agents, their instances and their open gaps. */
export function createAgentReader(database: Kysely<Tables>, pool: ReadPool): Omit<AgentStore, 'heartbeat'> {
  return {
    list: async (filter, page, session) => {
      const reader = pool.database(session)
      const listed = await selectListed(reader, filter, page).execute()
      const { items, next } = toBoundedPage(listed, page, (row) => [row.environment, row.agent_type, row.key])
      const keys = items.map(({ key }) => key)
      const rows = await reader.selectFrom('agents').selectAll().where(isIn('key', keys)).execute()
      const agents = new Map(rows.map((row) => [row.key, parseStatus(row)]))
      // The retention may have removed one meanwhile.
      return { items: items.flatMap((row) => (row.key === 0 ? toPlaceholder(row) : (agents.get(row.key) ?? []))), next }
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

    instances: async (keys, session) => {
      const reader = session === undefined ? database : pool.database(session)
      const rows = await selectInstances(reader, keys).execute()
      const shown = await readCollectors(reader, rows)
      return Map.groupBy(
        rows.map(
          ({ bytes: _, ...row }): StoredInstance => ({
            ...row,
            role: row.role === 'leader' ? 'leader' : 'standby',
            connector: parseJson(row.connector),
            collectors: shown.get(instanceKey(row)) ?? null,
          }),
        ),
        (instance) => instance.agent_key,
      )
    },

    openGaps: async (keys, session) => {
      const reader = session === undefined ? database : pool.database(session)
      const rows = await selectGaps(reader)
        .where(isIn('gaps.agent_key', keys))
        .where(IS_OPEN)
        .orderBy('gaps.since')
        .limit(MAX_OPEN_GAPS)
        .execute()
      return Map.groupBy(rows, (gap) => gap.agent_key)
    },
  }
}

function isIn(column: string, keys: readonly number[]) {
  return sql<boolean>`${sql.ref(column)} in (select value from ${keyList(keys)})`
}

/** Selects instances, the leader of each agent first, with the size of their status instead of the status. */
function selectInstances(database: Kysely<Tables>, keys: readonly number[]) {
  return database
    .selectFrom('agent_instances')
    .select(['agent_key', 'instance_id', 'role', 'started_at', 'agent_version', 'outbox', 'connector'])
    .select(['last_heartbeat_at', 'interval_seconds', sql<number>`octet_length(collectors)`.as('bytes')])
    .where(isIn('agent_key', keys))
    .orderBy('role')
    .orderBy('started_at')
    .orderBy('instance_id')
}

type InstanceKey = Pick<Tables['agent_instances'], 'agent_key' | 'instance_id'>

const instanceKey = ({ agent_key, instance_id }: InstanceKey): string => `${agent_key} ${instance_id}`

/** Reads the statuses of instances, of each agent up to a limit. */
async function readCollectors(
  database: Kysely<Tables>,
  instances: readonly (InstanceKey & { readonly bytes: number })[],
): Promise<ReadonlyMap<string, StoredInstance['collectors']>> {
  const bytesOf = new Map<number, number>()
  const shown = instances.filter(({ agent_key, bytes }) => {
    const total = (bytesOf.get(agent_key) ?? 0) + bytes
    bytesOf.set(agent_key, total)
    return total <= MAX_INSTANCES_BYTES
  })
  const keys = JSON.stringify(shown.map(({ agent_key, instance_id }) => [agent_key, instance_id]))
  const rows = await database
    .selectFrom('agent_instances')
    .select(['agent_key', 'instance_id', 'collectors'])
    .where(sql<boolean>`(agent_key, instance_id) in (select value ->> 0, value ->> 1 from json_each(${keys}))`)
    .execute()
  return new Map(
    rows.map((row) => [instanceKey(row), JSON.parse(row.collectors) as NonNullable<StoredInstance['collectors']>]),
  )
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

/** Bytes that an agent adds to a page: its status, and those of its instances and open gaps. */
const BYTES_OF_AGENT = sql<number>`coalesce(octet_length(agents.collectors), 0) + octet_length(agents.processes)
  + (select min(${MAX_INSTANCES_BYTES}, coalesce(sum(octet_length(collectors)), 0))
    from agent_instances where agent_key = agents.key)
  + (select coalesce(sum(octet_length(scope) + octet_length(reason)), 0)
    from gaps where agent_key = agents.key and revision >= agents.newest_revision)`

/** Selects the keys of agents, and placeholders for provisioned types without an agent, with their sizes. */
function selectListed(database: Kysely<Tables>, filter: AgentListFilter, page: PageRequest) {
  let listed = database
    .selectFrom(selectSeen(database, filter).unionAll(selectPending(database, filter.now)).as('listed'))
    .leftJoin('agents', 'agents.key', 'listed.key')
    .select(['listed.environment', 'listed.agent_type', 'listed.key', 'listed.seen_at'])
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
  const sorted = listed.orderBy('listed.environment').orderBy('listed.agent_type').orderBy('listed.key')
  // The sizes of the rows of the page alone.
  return database
    .selectFrom(sorted.limit(page.limit + 1).as('page'))
    .leftJoin('agents', 'agents.key', 'page.key')
    .selectAll('page')
    .select(sql<number>`coalesce(${BYTES_OF_AGENT}, 0)`.as('bytes'))
    .orderBy('page.environment')
    .orderBy('page.agent_type')
    .orderBy('page.key')
}

type ListedRow = Awaited<ReturnType<ReturnType<typeof selectListed>['execute']>>[number]

function toPlaceholder({ environment, agent_type, seen_at }: ListedRow): ListedAgent {
  return { key: 0, agent_id: null, environment, agent_type, provisioned_at: seen_at }
}

type AgentRow = Selectable<Tables['agents']>

function parseStatus(row: AgentRow): StoredAgent {
  return {
    ...row,
    collectors: parseJson(row.collectors),
    outbox: parseJson(row.outbox),
    connector: parseJson(row.connector),
    processes: JSON.parse(row.processes) as string[],
  }
}

function parseJson<Value>(text: string | null): Value | null {
  return text === null ? null : (JSON.parse(text) as Value)
}
