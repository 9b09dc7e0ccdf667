import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentIdentity, AgentStore, Heartbeat } from '../store.ts'
import { writeInstance } from './instances.ts'
import { noteLead } from './leader-terms.ts'

/** The one status that an agent has before it has read anything. */
const CONNECT = 'connect'

/** Writes what agents say of themselves. */
export function createHeartbeatWriter(database: Kysely<Tables>): AgentStore['heartbeat'] {
  return (agent, heartbeat, tokenId, at) =>
    database.transaction().execute(async (transaction) => {
      const { instance } = heartbeat
      const row =
        instance?.role === 'standby'
          ? await findOrExpect(transaction, agent, heartbeat, at)
          : await upsert(transaction, agent, heartbeat, at)
      if (instance !== undefined) {
        await writeInstance(transaction, row.key, heartbeat, instance, at)
        if (instance.leadId !== undefined) await noteLead(transaction, row, instance.leadId, at)
      }
      await transaction.updateTable('tokens').set({ last_used_at: at }).where('id', '=', tokenId).execute()
      if (heartbeat.replacesAgentId !== undefined && heartbeat.replacesAgentId !== agent.agentId)
        await removeProvisional(transaction, agent, heartbeat.replacesAgentId)
    })
}

/** The agent that an instance stands by for. It speaks for itself alone: of the agent, it only says that there is one. */
async function findOrExpect(
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

/** What a lead is noted with. */
type AgentRow = Pick<Selectable<Tables['agents']>, 'key' | 'newest_revision'>

async function upsert(
  transaction: Transaction<Tables>,
  agent: AgentIdentity,
  heartbeat: Heartbeat,
  at: number,
): Promise<AgentRow> {
  const said = {
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
  // After a new start no report is late, even where the clock was set back in between. Instances are told apart by their leads.
  const sameRun = heartbeat.instance === undefined ? sql`agents.started_at is excluded.started_at` : sql`true`
  return await transaction
    .insertInto('agents')
    .values({
      environment: agent.environment,
      agent_type: agent.agentType,
      agent_id: agent.agentId,
      first_seen_at: at,
      provisional: isProvisional(heartbeat) ? 1 : 0,
      ...said,
    })
    .onConflict((conflict) =>
      conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet({
        ...said,
        provisional: sql`min(agents.provisional, excluded.provisional)`,
        newest_report_id: sql`case when ${sameRun} then agents.newest_report_id else '' end`,
      }),
    )
    .returning(['key', 'newest_revision'])
    .executeTakeFirstOrThrow()
}

/** An agent that could not yet tell what it watches has no name, and nothing to say but why. */
function isProvisional({ agentName, collectors }: Heartbeat): boolean {
  return agentName === undefined && Object.keys(collectors).every((name) => name === CONNECT)
}

/** Only one that was never anything else: a token must not be able to remove an agent that has seen something. */
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
