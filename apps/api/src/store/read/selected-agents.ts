import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentFilter } from '../store.ts'

/** Returns the keys of selected agents, sorted; `undefined` without a condition on them. */
export async function findAgents(
  database: Kysely<Tables>,
  { environment, agent_id, agent_type }: AgentFilter & { readonly agent_id?: string | undefined },
): Promise<readonly number[] | undefined> {
  if (environment === undefined && agent_id === undefined && agent_type === undefined) return undefined
  let agents = database.selectFrom('agents').select('key')
  if (environment !== undefined) agents = agents.where('environment', 'in', [environment].flat())
  if (agent_id !== undefined) agents = agents.where('agent_id', '=', agent_id)
  if (agent_type !== undefined) agents = agents.where('agent_type', '=', agent_type)
  return (await agents.orderBy('key').execute()).map(({ key }) => key)
}

/** Returns numbers as a table with one column `value`, in one parameter. */
export function keyList(keys: readonly number[]): RawBuilder<unknown> {
  return sql`json_each(${JSON.stringify(keys)})`
}
