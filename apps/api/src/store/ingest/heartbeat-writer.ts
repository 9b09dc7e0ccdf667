import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentIdentity, AgentStore, Heartbeat } from '../store.ts'
import { startTerm } from './leader-terms.ts'

/** The only collector status of an agent that has not connected yet. */
const CONNECT = 'connect'

/** Stored instances per agent, the most recent heartbeats first. */
const MAX_INSTANCES = 50

type AgentRow = Pick<Selectable<Tables['agents']>, 'key' | 'newest_revision'>

/** Writes heartbeats: the status of an agent and of its instances. */
export function createHeartbeatWriter(database: Kysely<Tables>): AgentStore['heartbeat'] {
  return (agent, heartbeat, tokenId, at) =>
    database.transaction().execute(async (transaction) => {
      const { instance } = heartbeat
      const row =
        instance?.role === 'standby'
          ? await findOrCreateStandby(transaction, agent, heartbeat, at)
          : await writeAgent(transaction, agent, heartbeat, at)
      if (instance !== undefined) {
        await writeInstance(transaction, row.key, heartbeat, instance, at)
        if (instance.termId !== undefined) await startTerm(transaction, row, instance.termId, at)
      }
      await transaction.updateTable('tokens').set({ last_used_at: at }).where('id', '=', tokenId).execute()
      if (heartbeat.replacesAgentId !== undefined && heartbeat.replacesAgentId !== agent.agentId)
        await removeProvisional(transaction, agent, heartbeat.replacesAgentId)
    })
}

/** Finds the agent of a standby instance, or creates it. A standby never changes the status of its agent. */
async function findOrCreateStandby(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  heartbeat: Heartbeat,
  at: number,
): Promise<AgentRow> {
  const known = await transaction
    .selectFrom('agents')
    .select(['key', 'newest_revision'])
    .where('environment', '=', agent.environment)
    .where('agent_type', '=', agent.agentType)
    .where('agent_id', '=', agent.agentId)
    .executeTakeFirst()
  return (
    known ??
    (await transaction
      .insertInto('agents')
      .values({
        environment: agent.environment,
        agent_type: agent.agentType,
        agent_id: agent.agentId,
        agent_version: heartbeat.agentVersion,
        name: heartbeat.agentName ?? null,
        first_seen_at: at,
        last_seen_at: at,
        standing_by: 1,
      })
      .returning(['key', 'newest_revision'])
      .executeTakeFirstOrThrow())
  )
}

async function writeAgent(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  heartbeat: Heartbeat,
  at: number,
): Promise<AgentRow> {
  const status = {
    agent_version: heartbeat.agentVersion,
    name: heartbeat.agentName ?? null,
    started_at: heartbeat.startedAt,
    last_seen_at: at,
    last_heartbeat_at: at,
    interval_seconds: heartbeat.intervalSeconds ?? null,
    standing_by: 0,
    collectors: JSON.stringify(heartbeat.collectors),
    outbox: JSON.stringify(heartbeat.outbox),
  }
  // No report of a new run is late, even if the clock was set back in between. Leader terms order the reports of
  // instances.
  const sameRun = heartbeat.instance === undefined ? sql`agents.started_at is excluded.started_at` : sql`true`
  return await transaction
    .insertInto('agents')
    .values({
      environment: agent.environment,
      agent_type: agent.agentType,
      agent_id: agent.agentId,
      first_seen_at: at,
      provisional: isProvisional(heartbeat) ? 1 : 0,
      ...status,
    })
    .onConflict((conflict) =>
      conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet({
        ...status,
        provisional: sql`min(agents.provisional, excluded.provisional)`,
        newest_report_id: sql`case when ${sameRun} then agents.newest_report_id else '' end`,
      }),
    )
    .returning(['key', 'newest_revision'])
    .executeTakeFirstOrThrow()
}

/** Returns true for an agent that has not connected: it has no name, and no collector but `connect`. */
function isProvisional({ agentName, collectors }: Heartbeat): boolean {
  return agentName === undefined && Object.keys(collectors).every((name) => name === CONNECT)
}

/**
 * Removes an agent that was never more than provisional. A token cannot remove an agent that has connected or
 * reported.
 */
async function removeProvisional(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  provisionalId: string,
): Promise<void> {
  await transaction
    .deleteFrom('agents')
    .where('environment', '=', agent.environment)
    .where('agent_type', '=', agent.agentType)
    .where('agent_id', '=', provisionalId)
    .where('provisional', '=', 1)
    .where('last_report_at', 'is', null)
    .execute()
}

/** Writes the status of an instance. A leader turns all other instances into standbys. */
async function writeInstance(
  transaction: Transaction<Tables>,
  agent: number,
  heartbeat: Heartbeat,
  { id, role, intervalSeconds }: NonNullable<Heartbeat['instance']>,
  at: number,
): Promise<void> {
  const status = {
    role,
    started_at: heartbeat.startedAt,
    agent_version: heartbeat.agentVersion,
    collectors: JSON.stringify(heartbeat.collectors),
    outbox: JSON.stringify(heartbeat.outbox),
    last_heartbeat_at: at,
    interval_seconds: intervalSeconds,
  }
  await transaction
    .insertInto('agent_instances')
    .values({ agent_key: agent, instance_id: id, ...status })
    .onConflict((conflict) => conflict.columns(['agent_key', 'instance_id']).doUpdateSet(status))
    .execute()
  if (role === 'leader')
    await transaction
      .updateTable('agent_instances')
      .set({ role: 'standby' })
      .where('agent_key', '=', agent)
      .where('instance_id', '!=', id)
      .where('role', '=', 'leader')
      .execute()
  await sql`delete from agent_instances where agent_key = ${agent} and instance_id in (
    select instance_id from agent_instances where agent_key = ${agent} order by last_heartbeat_at desc limit -1 offset ${MAX_INSTANCES}
  )`.execute(transaction)
}
