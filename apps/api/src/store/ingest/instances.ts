import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { StoredInstance } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentStore, Heartbeat } from '../store.ts'

/** Most instances of one agent that are kept: those that were heard last. */
const MOST = 50

/** Reads what instances of agents last said. */
export function createInstanceReader(database: Kysely<Tables>): AgentStore['instances'] {
  return async (keys) => {
    const instances = new Map<number, StoredInstance[]>()
    if (keys.length === 0) return instances
    const rows = await database
      .selectFrom('agent_instances')
      .selectAll()
      .where('agent_key', 'in', [...keys])
      .orderBy('role')
      .orderBy('started_at')
      .orderBy('instance_id')
      .execute()
    for (const row of rows) instances.set(row.agent_key, [...(instances.get(row.agent_key) ?? []), toInstance(row)])
    return instances
  }
}

/** Notes what one instance says of itself. One that leads is the only one that does. */
export async function writeInstance(
  transaction: Transaction<Tables>,
  agent: number,
  heartbeat: Heartbeat,
  { id, role, intervalSeconds }: NonNullable<Heartbeat['instance']>,
  at: number,
): Promise<void> {
  const said = {
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
    .values({ agent_key: agent, instance_id: id, ...said })
    .onConflict((conflict) => conflict.columns(['agent_key', 'instance_id']).doUpdateSet(said))
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
    select instance_id from agent_instances where agent_key = ${agent} order by last_heartbeat_at desc limit -1 offset ${MOST}
  )`.execute(transaction)
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
