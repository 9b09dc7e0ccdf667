import type { Connector } from '../connector/connector.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { CollectorStatus, ConnectorOrigin, EnrollRequest, HeartbeatRequest, Role } from '../platform/protocol.ts'
import { type HeartbeatDescription, type HeartbeatFailure, outboxStatus } from './heartbeat.ts'
import type { LeaderLoop } from './leader-loop.ts'
import type { SessionOpener } from './session.ts'

/** An agent's state at present. */
export interface AgentStatus {
  readonly state: 'idle' | 'running' | 'stopped'
  /** True while the connector's client is open. */
  readonly connected: boolean
  /** True if the platform acknowledged the last heartbeat. `undefined` before the first. */
  readonly platformReachable: boolean | undefined
  /** Time of the last heartbeat that the platform acknowledged. Absent before the first. */
  readonly acknowledgedAt?: Date
  /** Why the platform did not acknowledge the last heartbeat. Absent if it did. */
  readonly heartbeatFailure?: HeartbeatFailure
  /** True while the agent uses a key of its own in place of the token. */
  readonly enrolled: boolean
  /** When that key expires, ISO 8601. The agent replaces it before. */
  readonly keyExpiresAt?: string
  /** The role in the election. Absent without an election and before `start`. */
  readonly role?: Role
  readonly collectors: HeartbeatRequest['collectors']
  readonly outbox: HeartbeatRequest['outbox']
}

/** The parts of an agent that its heartbeats describe. */
export interface AgentParts {
  readonly connector: Pick<Connector, 'type' | 'election'>
  readonly agentVersion: string
  readonly connectorOrigin: ConnectorOrigin | undefined
  readonly instanceId: string
  readonly startedAt: Date
  /** Returns true once the agent takes part in its election. */
  readonly isStarted: () => boolean
  readonly sessions: SessionOpener
  readonly leaderLoop: LeaderLoop
  readonly outbox: Outbox
}

export function describeAgent(parts: AgentParts): HeartbeatDescription {
  const { connector, agentVersion, connectorOrigin, startedAt, sessions, outbox } = parts
  const name = sessions.current()?.name
  const replaces = sessions.replaces()
  return {
    agent_id: sessions.agentId(),
    agent_type: connector.type,
    agent_version: agentVersion,
    ...(name === undefined ? {} : { agent_name: name }),
    ...(connectorOrigin === undefined ? {} : { connector: connectorOrigin }),
    started_at: startedAt.toISOString(),
    ...(replaces === undefined ? {} : { replaces_agent_id: replaces }),
    ...instanceOf(parts),
    collectors: statusesOf(parts),
    outbox: outboxStatus(outbox.state()),
  }
}

/** Returns the statuses of all readers and the connection. A standby's collectors do not run and have none. */
export function statusesOf({ sessions, leaderLoop }: AgentParts): Record<string, CollectorStatus> {
  const failure = sessions.failure()
  const session = sessions.current()
  const election = session?.election?.failure()
  return {
    ...(failure === undefined ? {} : { connect: failure }),
    ...(election === undefined ? {} : { election }),
    ...(leaderLoop.isReporting() ? session?.collectors.statuses() : {}),
    ...session?.watchers.statuses(),
  }
}

/** Returns the agent's role, `undefined` without an election and before `start`. */
export function roleOf({ connector, isStarted, leaderLoop }: AgentParts): Role | undefined {
  if (connector.election === undefined || !isStarted()) return undefined
  return leaderLoop.leaderTermId() === undefined ? 'standby' : 'leader'
}

/** Returns the request for a key, `undefined` until the agent's id is known. */
export function describeEnrolment(parts: AgentParts): EnrollRequest | undefined {
  const { connector, agentVersion, instanceId, sessions } = parts
  if (sessions.isProvisional()) return undefined
  const replaces = sessions.replaces()
  return {
    agent_id: sessions.agentId(),
    agent_type: connector.type,
    agent_version: agentVersion,
    instance_id: instanceId,
    ...(replaces === undefined ? {} : { replaces_agent_id: replaces }),
  }
}

/** Distinguishes this process from others of the same agent. Only an agent with its own id has others. */
function instanceOf(parts: AgentParts): Pick<HeartbeatDescription, 'instance_id' | 'role' | 'lead_id'> {
  if (parts.sessions.isProvisional()) return {}
  // Without a role, the name reveals a second process with the same identity, such as that of a cloned machine.
  if (parts.connector.election === undefined) return { instance_id: parts.instanceId }
  const role = roleOf(parts)
  if (role === undefined) return {}
  const termId = parts.leaderLoop.leaderTermId()
  return { instance_id: parts.instanceId, role, ...(termId === undefined ? {} : { lead_id: termId }) }
}
