import type { Context } from '../http/context.ts'
import { ProblemError, pointerTo, unauthorized } from '../http/problem-error.ts'
import type { Credential, StoredToken } from '../store/records.ts'
import type { JoinRefusal } from '../store/store.ts'
import { toInstant } from './fields.ts'

/** An agent in a request. */
interface NamedAgent {
  readonly agent_id: string
  readonly agent_type: string
}

export interface AuthorizeOptions {
  /** Leads in the body to the agent of an index. */
  readonly path?: (index: number) => readonly PropertyKey[]
  /** Provisional id that the agent used before. */
  readonly replacedId?: string | undefined
}

/**
 * Checks that a key or token is for these agents. With a token they join; the first use of a key ends its predecessor.
 *
 * @throws {ProblemError} 401 for a token that admits no new agents, or a revoked agent; 403 for another agent's
 */
export async function authorizeAgents(
  { store, now }: Pick<Context, 'store' | 'now'>,
  credential: Credential,
  agents: readonly NamedAgent[],
  { path = () => [], replacedId }: AuthorizeOptions = {},
): Promise<void> {
  for (const [index, agent] of agents.entries()) assertOwner(credential, agent, path(index))
  if (credential.kind === 'key') return store.enrolment.confirmKey(credential, now())
  const ids = agents.map((agent) => agent.agent_id.toLowerCase())
  const refusal = await store.enrolment.join(credential, ids, now(), replacedId?.toLowerCase())
  if (refusal !== undefined) throw toProblem(credential, refusal)
}

/** Checks the type, and the id where the credential is a key. @throws {ProblemError} 403 */
export function assertOwner(credential: Credential, agent: NamedAgent, path: readonly PropertyKey[]): void {
  if (agent.agent_type !== credential.agent_type) {
    const detail = `This ${credential.kind} is for agents of type \`${credential.agent_type}\`.`
    throw new ProblemError(403, `${detail} Set \`AGENT_TYPE\` to it, or provision a token for the other type.`, {
      errors: [{ pointer: pointerTo([...path, 'agent_type']), detail }],
    })
  }
  if (credential.kind === 'key' && agent.agent_id.toLowerCase() !== credential.agent_id) {
    const detail = `This key is for the agent \`${credential.agent_id}\`.`
    throw new ProblemError(403, `${detail} Every other agent enrols with a token.`, {
      errors: [{ pointer: pointerTo([...path, 'agent_id']), detail }],
    })
  }
}

/** Converts why an agent may not use a token to a problem. */
export function toProblem(token: StoredToken, refusal: JoinRefusal): ProblemError {
  const remedy = 'Provision the environment again to get a new one. Agents that joined with this token go on.'
  if (refusal === 'closed')
    return unauthorized(`This agent token admitted new agents until ${toInstant(token.joinable_until ?? 0)}. ${remedy}`)
  if (refusal === 'full')
    return unauthorized(
      `As many agents joined with this agent token as it admits (\`token_uses\`: ${token.max_agents}). ${remedy}`,
    )
  if (refusal === 'crowded')
    return unauthorized(
      `As many agents used this agent token within the last day as the platform admits with one (\`RCA_MAX_AGENTS_PER_TOKEN\`). ${remedy}`,
    )
  return unauthorized(
    'This agent was revoked, and the token is older than the revocation. To let it in again, give it a token that is provisioned afterwards.',
  )
}
