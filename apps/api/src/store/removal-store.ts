import { type Kysely, sql, type Transaction } from 'kysely'
import { revokeAccess } from './access-store.ts'
import { revokeAgent } from './enrolment-store.ts'
import type { AgentIdentity } from './records.ts'
import type { Tables } from './sqlite/tables.ts'
import type { RemovalStore } from './store.ts'

/** Agents and keys that are removed in one transaction. */
const BATCH_SIZE = 500

/**
 * Removes agents and environments. What they sent can no longer be found, and is deleted by the retention: every query
 * begins with the agents.
 *
 * @param onRemoved called when what is remembered of agents must be forgotten.
 */
export function createRemovalStore(database: Kysely<Tables>, onRemoved: () => void): RemovalStore {
  // In the transaction, so that no report uses what was remembered of a removed agent.
  const write = <Result>(run: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result> =>
    database.transaction().execute(async (transaction) => {
      const result = await run(transaction)
      onRemoved()
      return result
    })
  return {
    removeAgent: (agent, at) => write((transaction) => removeAgent(transaction, agent, at)),

    removeEnvironment: async (name, at) => {
      const found = await database.selectFrom('environments').select('name').where('name', '=', name).executeTakeFirst()
      if (found === undefined) return undefined
      // From here on, no agent of it is admitted.
      const { tokens } = await write((transaction) => revokeAccess(transaction, name, undefined, at))
      let agents = 0
      for (let count = BATCH_SIZE; count === BATCH_SIZE; agents += count)
        count = await write((transaction) => removeAgents(transaction, name))
      for (let count = BATCH_SIZE; count === BATCH_SIZE; ) count = await removeKeys(database, name)
      await write(async (transaction) => {
        agents += await removeAgents(transaction, name)
        // Its tokens, provisions and revocations are deleted with it.
        await transaction.deleteFrom('environments').where('name', '=', name).execute()
      })
      return { agents, tokens }
    },
  }
}

/** Removes an agent. Its tokens from before are refused, so that it does not come back by itself. */
async function removeAgent(transaction: Transaction<Tables>, agent: AgentIdentity, at: number): Promise<void> {
  await revokeAgent(transaction, agent, at)
  const { environment, agent_type, agent_id } = agent
  await transaction
    .deleteFrom('agent_keys')
    .where(({ and }) => and(agent))
    .execute()
  await transaction
    .deleteFrom('token_agents')
    .where('agent_id', '=', agent_id)
    .where('token_id', 'in', (select) =>
      select
        .selectFrom('tokens')
        .select('id')
        .where('environment', '=', environment)
        .where('agent_type', '=', agent_type),
    )
    .execute()
  const removed = await transaction
    .deleteFrom('agents')
    .where(({ and }) => and(agent))
    .returning('key as agent_key')
    .execute()
  if (removed.length > 0) await transaction.insertInto('removed_agents').values(removed).execute()
}

/** Removes agents of an environment, and returns how many. */
async function removeAgents(transaction: Transaction<Tables>, environment: string): Promise<number> {
  const removed = await transaction
    .deleteFrom('agents')
    .where('key', 'in', (select) =>
      select.selectFrom('agents').select('key').where('environment', '=', environment).limit(BATCH_SIZE),
    )
    .returning('key as agent_key')
    .execute()
  if (removed.length > 0) await transaction.insertInto('removed_agents').values(removed).execute()
  return removed.length
}

async function removeKeys(database: Kysely<Tables>, environment: string): Promise<number> {
  const { numAffectedRows = 0n } = await sql`delete from agent_keys where id in (
    select id from agent_keys where environment = ${environment} limit ${sql.lit(BATCH_SIZE)})`.execute(database)
  return Number(numAffectedRows)
}
