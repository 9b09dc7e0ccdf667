import type { Context } from '../http/context.ts'
import { ProblemError } from '../http/problem-error.ts'
import type { AgentIdentity, StoredAgent } from '../store/records.ts'
import type { AgentFilter } from '../store/store.ts'

/** Finds an agent by its id, which may exist in several environments. @throws {ProblemError} 404, or 409 for several */
export async function findAgent(
  { store }: Pick<Context, 'store'>,
  agentId: string,
  filter: AgentFilter,
): Promise<StoredAgent> {
  return onlyAgent(await store.agents.find(agentId, filter), agentId, filter)
}

/** Returns the only agent of a list. @throws {ProblemError} 404 for none, or 409 for several */
export function onlyAgent<Agent extends AgentIdentity>(
  agents: readonly Agent[],
  agentId: string,
  filter: AgentFilter,
): Agent {
  const [agent, ...others] = agents
  if (agent === undefined) {
    const names = [filter.environment ?? []].flat().map((name) => `\`${name}\``)
    const place = names.length === 0 ? '' : ` in ${names.join(', ')}`
    throw new ProblemError(404, `The agent \`${agentId}\` does not exist${place}.`)
  }
  if (others.length === 0) return agent
  const places = [agent, ...others].map((each) => `\`${each.environment}\` (${each.agent_type})`).join(', ')
  const sameEnvironment = others.some(({ environment }) => environment === agent.environment)
  throw new ProblemError(
    409,
    `This agent id exists in several environments: ${places}. Choose with \`?environment=\`${sameEnvironment ? ' and `agent_type=`' : ''}.`,
  )
}
