import { sql, type Transaction } from 'kysely'
import { isRevoked } from '../enrolment-store.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { Sender } from '../store.ts'

/** Thrown for a request of an agent that was removed, alone or with its environment, after the request was admitted. */
export class RemovedSenderError extends Error {
  constructor() {
    super('The agent or its environment was removed.')
    this.name = 'RemovedSenderError'
  }
}

/**
 * Checks that the agents of a request were not removed since it was admitted. Within the transaction that stores the
 * request, no removal comes in between.
 *
 * @throws {RemovedSenderError}
 */
export async function assertNotRemoved(
  transaction: Transaction<Tables>,
  sender: Sender,
  agentIds: readonly string[],
): Promise<void> {
  const isKnown = sender.kind === 'token' ? hasToken(transaction, sender) : hasKey(transaction, sender, agentIds)
  if (!(await isKnown) || (await isRevoked(transaction, sender, agentIds))) throw new RemovedSenderError()
}

/** Tokens are removed with their environment. Their ids are never used again. */
async function hasToken(transaction: Transaction<Tables>, { id }: Sender): Promise<boolean> {
  const { rows } = await sql`select 1 from tokens where id = ${id}`.execute(transaction)
  return rows.length > 0
}

/** The key of the request itself may have been replaced meanwhile, unlike all keys of the agent. */
async function hasKey(
  transaction: Transaction<Tables>,
  { environment, agent_type }: Sender,
  agentIds: readonly string[],
): Promise<boolean> {
  const key = await transaction
    .selectFrom('agent_keys')
    .select('id')
    .where('agent_id', 'in', agentIds)
    .where('environment', '=', environment)
    .where('agent_type', '=', agent_type)
    .limit(1)
    .executeTakeFirst()
  return key !== undefined
}
