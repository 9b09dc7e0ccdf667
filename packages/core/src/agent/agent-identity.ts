import { hostname } from 'node:os'
import { v5, validate } from 'uuid'
import type { StateStore } from '../state/state-store.ts'

/** Namespace of agents' ids among all UUIDs of version 5. */
const NAMESPACE = '5f0c8a0e-6a43-4f0a-9c5d-3a1f7b9e2d64'

const STATE_KEY = 'agent-id'

export interface FallbackId {
  readonly id: string
  /** True unless an earlier run saved the id. */
  readonly provisional: boolean
}

/** Returns the id that every process shares that watches the same: a hash, which does not reveal the identity. */
export function agentIdOf(agentType: string, identity: string): string {
  return v5(`${agentType}:${identity}`, NAMESPACE)
}

/** Returns the id of an agent that has never connected. The platform replaces it once the real id is known. */
export function provisionalAgentId(agentType: string): string {
  return v5(`provisional:${agentType}:${hostname()}`, NAMESPACE)
}

/** Saves an agent's id for the next run. @throws what the state store throws */
export function saveAgentId(state: StateStore, agentId: string): Promise<void> {
  return state.write(STATE_KEY, agentId)
}

export async function readFallbackId(agentType: string, state: StateStore): Promise<FallbackId> {
  const saved = await state.read(STATE_KEY).catch(() => undefined)
  return saved === undefined || !validate(saved)
    ? { id: provisionalAgentId(agentType), provisional: true }
    : { id: saved, provisional: false }
}
