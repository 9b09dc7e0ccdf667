import type { StoredToken } from '../store/records.ts'
import { pointerTo } from './pointer.ts'
import { ProblemError } from './problem-error.ts'

/** A token speaks for one type of agent. @throws {ProblemError} 403 */
export function assertType(token: StoredToken, agentType: string, path: readonly PropertyKey[]): void {
  if (agentType === token.agentType) return
  const detail = `This token is for agents of type \`${token.agentType}\`.`
  throw new ProblemError(403, `${detail} Set \`AGENT_TYPE\` to it, or provision a token for the other type.`, {
    errors: [{ pointer: pointerTo(path), detail }],
  })
}
