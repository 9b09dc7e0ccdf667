import type { HeartbeatRequest, Role } from '@rca/core/protocol'
import { type Selectable, sql, type Transaction } from 'kysely'
import { OFFLINE_AFTER_INTERVALS } from '../connectivity.ts'
import type { AgentIdentity, Credential } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentStore, HeartbeatOutcome } from '../store.ts'
import type { GroupCommit } from './group-commit.ts'
import { startTerm } from './leader-terms.ts'
import { findRun, NO_CLONES, writeRun } from './processes.ts'
import { assertNotRemoved } from './removed-sender.ts'

/** The only collector status of an agent that has not connected yet. */
const CONNECT = 'connect'

/** Scope of the gap of an agent that has not connected. */
const CONNECTION_SCOPE = 'connection'

/** Stored instances per agent, the most recent heartbeats first. */
const MAX_INSTANCES = 50

/** Rows that a heartbeat writes, approximately. */
const ROWS = 5

type AgentRow = Pick<Selectable<Tables['agents']>, 'key' | 'newest_revision'>

/** A heartbeat of an instance, where replicas elect a leader. */
type InstanceHeartbeat = HeartbeatRequest & { readonly instance_id: string; readonly role: Role }

/** Writes heartbeats: the status of an agent and of its instances. */
export function createHeartbeatWriter(commits: GroupCommit): AgentStore['heartbeat'] {
  return (credential, heartbeat, intervalSeconds, at) =>
    commits.run(ROWS, async (transaction) => {
      const { environment, agent_type } = credential
      const agent = { environment, agent_type, agent_id: heartbeat.agent_id.toLowerCase() }
      await assertNotRemoved(transaction, credential, [agent.agent_id])
      let outcome: HeartbeatOutcome = NO_CLONES
      const isStandby = isOfInstance(heartbeat) && heartbeat.role === 'standby'
      const before = await findRun(transaction, agent)
      const row = isStandby
        ? await findOrCreateStandby(transaction, agent, heartbeat, at)
        : await writeAgent(transaction, agent, heartbeat, intervalSeconds, at)
      if (!isStandby) await writeConnectionGap(transaction, row, heartbeat, at)
      if (isOfInstance(heartbeat)) {
        await writeInstance(transaction, row.key, heartbeat, intervalSeconds, at)
        if (heartbeat.role === 'leader' && heartbeat.lead_id !== undefined)
          await startTerm(transaction, row, heartbeat.lead_id.toLowerCase(), at)
      } else {
        outcome = await writeRun(transaction, row, before, heartbeat, intervalSeconds, at)
      }
      await writeCredential(transaction, agent, credential, at)
      const provisionalId = heartbeat.replaces_agent_id?.toLowerCase()
      if (provisionalId !== undefined && provisionalId !== agent.agent_id)
        await replaceProvisional(transaction, { ...agent, agent_id: provisionalId }, row.key)
      return outcome
    })
}

/** Stores the use of a key or token, and which of both the agent has. */
async function writeCredential(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  { id, kind, expires_at }: Pick<Credential, 'id' | 'kind' | 'expires_at'>,
  at: number,
): Promise<void> {
  const used = { last_used_at: at }
  if (kind === 'key') await transaction.updateTable('agent_keys').set(used).where('id', '=', id).execute()
  else {
    await transaction.updateTable('tokens').set(used).where('id', '=', id).execute()
    const joined = transaction.updateTable('token_agents').set(used).where('token_id', '=', id)
    await joined.where('agent_id', '=', agent.agent_id).execute()
  }
  await transaction
    .updateTable('agents')
    .set({ key_expires_at: kind === 'key' ? expires_at : null })
    .where(({ and }) => and(agent))
    .execute()
}

/** Both the id and the role of an instance are required. */
function isOfInstance(heartbeat: HeartbeatRequest): heartbeat is InstanceHeartbeat {
  return heartbeat.instance_id !== undefined && heartbeat.role !== undefined
}

/** Finds the agent of a standby instance, or creates it. A standby never changes the status of its agent. */
async function findOrCreateStandby(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  { agent_version, agent_name: name }: HeartbeatRequest,
  at: number,
): Promise<AgentRow> {
  const known = await transaction
    .selectFrom('agents')
    .select(['key', 'newest_revision'])
    .where(({ and }) => and(agent))
    .executeTakeFirst()
  if (known !== undefined) return known
  return transaction
    .insertInto('agents')
    .values({ ...agent, agent_version, name: name ?? null, first_seen_at: at, last_seen_at: at, standing_by: 1 })
    .returning(['key', 'newest_revision'])
    .executeTakeFirstOrThrow()
}

async function writeAgent(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  heartbeat: HeartbeatRequest,
  intervalSeconds: number,
  at: number,
): Promise<AgentRow> {
  const status = {
    ...statusOf(heartbeat, at),
    name: heartbeat.agent_name ?? null,
    last_seen_at: at,
    interval_seconds: heartbeat.interval_seconds ?? null,
    report_interval_seconds: heartbeat.report_interval_seconds ?? null,
    standing_by: 0,
  }
  const offlineAfter = sql`${OFFLINE_AFTER_INTERVALS * 1000} * coalesce(agents.interval_seconds, ${intervalSeconds})`
  // No report of a new run is late, even if the clock was set back in between. Leader terms order the reports of
  // instances.
  const sameRun = isOfInstance(heartbeat) ? sql`true` : sql`agents.started_at is excluded.started_at`
  return transaction
    .insertInto('agents')
    .values({ ...agent, first_seen_at: at, online_since: at, provisional: isProvisional(heartbeat) ? 1 : 0, ...status })
    .onConflict((conflict) =>
      conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet({
        ...status,
        provisional: sql`min(agents.provisional, excluded.provisional)`,
        online_since: sql`case when agents.started_at is excluded.started_at and agents.standing_by = 0
          and agents.last_seen_at + ${offlineAfter} >= excluded.last_seen_at
          then coalesce(agents.online_since, excluded.online_since) else excluded.online_since end`,
        newest_report_id: sql`case when ${sameRun} then agents.newest_report_id else '' end`,
      }),
    )
    .returning(['key', 'newest_revision'])
    .executeTakeFirstOrThrow()
}

/** Returns true for an agent that has not connected: it has no name, and no collector but `connect`. */
function isProvisional({ agent_name, collectors }: HeartbeatRequest): boolean {
  return agent_name === undefined && Object.keys(collectors).every((name) => name === CONNECT)
}

/**
 * Stores that an agent has not connected as a gap: it sends no reports, which would contain one. The gap is open until
 * the next report.
 */
async function writeConnectionGap(
  transaction: Transaction<Tables>,
  { key, newest_revision: revision }: AgentRow,
  { collectors }: HeartbeatRequest,
  at: number,
): Promise<void> {
  const connect = collectors[CONNECT]
  if (connect === undefined || connect.ok) return
  const open = await transaction
    .selectFrom('gaps')
    .select('since')
    .where('agent_key', '=', key)
    .where('scope', '=', CONNECTION_SCOPE)
    .where('revision', '>=', revision)
    .orderBy('since', 'desc')
    .executeTakeFirst()
  const state = { reason: connect.error ?? '', last_reported_at: at, revision }
  await transaction
    .insertInto('gaps')
    .values({ agent_key: key, scope: CONNECTION_SCOPE, since: open?.since ?? at, ...state })
    .onConflict((conflict) => conflict.columns(['agent_key', 'scope', 'since']).doUpdateSet(state))
    .execute()
}

/**
 * Removes an agent that was never more than provisional, unlike one that has connected or reported. Its gaps become
 * those of the agent that replaces it.
 */
async function replaceProvisional(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  replacement: number,
): Promise<void> {
  const removed = await transaction
    .deleteFrom('agents')
    .where(({ and }) => and(agent))
    .where('provisional', '=', 1)
    .where('last_report_at', 'is', null)
    .returning('key')
    .executeTakeFirst()
  if (removed === undefined) return
  await sql`update or replace gaps set agent_key = ${replacement} where agent_key = ${removed.key}`.execute(transaction)
}

/** Writes the status of an instance. A leader turns all other instances into standbys. */
async function writeInstance(
  transaction: Transaction<Tables>,
  agent: number,
  heartbeat: InstanceHeartbeat,
  intervalSeconds: number,
  at: number,
): Promise<void> {
  const { instance_id, role, interval_seconds = intervalSeconds } = heartbeat
  const status = { ...statusOf(heartbeat, at), role, interval_seconds }
  await transaction
    .insertInto('agent_instances')
    .values({ agent_key: agent, instance_id, ...status })
    .onConflict((conflict) => conflict.columns(['agent_key', 'instance_id']).doUpdateSet(status))
    .execute()
  if (role === 'leader')
    await transaction
      .updateTable('agent_instances')
      .set({ role: 'standby' })
      .where('agent_key', '=', agent)
      .where('instance_id', '!=', instance_id)
      .where('role', '=', 'leader')
      .execute()
  await sql`delete from agent_instances where agent_key = ${agent} and instance_id in (
    select instance_id from agent_instances where agent_key = ${agent} order by last_heartbeat_at desc limit -1 offset ${MAX_INSTANCES}
  )`.execute(transaction)
}

function statusOf({ agent_version, started_at, collectors, outbox, connector }: HeartbeatRequest, at: number) {
  return {
    agent_version,
    started_at: Date.parse(started_at),
    last_heartbeat_at: at,
    collectors: JSON.stringify(collectors),
    outbox: JSON.stringify(outbox),
    connector: connector === undefined ? null : JSON.stringify(connector),
  }
}
