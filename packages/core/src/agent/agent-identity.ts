import { hostname } from 'node:os'
import { v5 } from 'uuid'

/** Names agents among all UUIDs of version 5. */
const NAMESPACE = '5f0c8a0e-6a43-4f0a-9c5d-3a1f7b9e2d64'

/** The agent's id: of what is watched and not of the process, and no way back to the machine's or engine's own id. */
export function agentIdOf(agentType: string, identity: string): string {
  return v5(`${agentType}:${identity}`, NAMESPACE)
}

/** The id of an agent that cannot tell yet what it watches, because it could not connect. The platform forgets it when the real one is known. */
export function provisionalAgentId(agentType: string): string {
  return v5(`provisional:${agentType}:${hostname()}`, NAMESPACE)
}
