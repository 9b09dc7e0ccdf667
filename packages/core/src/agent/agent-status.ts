import type { Connector } from '../connector/connector.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { CollectorStatus, Role } from '../platform/protocol.ts'
import { type HeartbeatDescription, outboxStatus } from './heartbeat.ts'
import type { Serving } from './leader-loop.ts'
import type { Opening } from './session.ts'

/** What an agent's description is read from. */
export interface AgentParts {
  readonly connector: Pick<Connector, 'type' | 'election'>
  readonly agentVersion: string
  readonly instanceId: string
  readonly startedAt: Date
  /** Whether the agent runs, and with it its part in an election. */
  readonly isStarted: () => boolean
  readonly opening: Opening
  readonly serving: Serving
  readonly outbox: Outbox
}

/** What the next heartbeat says. */
export function describeAgent(parts: AgentParts): HeartbeatDescription {
  const { connector, agentVersion, startedAt, opening, outbox } = parts
  const name = opening.current()?.name
  const replaces = opening.replaces()
  return {
    agent_id: opening.agentId(),
    agent_type: connector.type,
    agent_version: agentVersion,
    ...(name === undefined ? {} : { agent_name: name }),
    started_at: startedAt.toISOString(),
    ...(replaces === undefined ? {} : { replaces_agent_id: replaces }),
    ...instanceOf(parts),
    collectors: statusesOf(parts),
    outbox: outboxStatus(outbox.state()),
  }
}

/** How collectors, watchers, the client and the election are. What collectors said while this agent led says nothing any more. */
export function statusesOf({
  opening,
  serving,
}: Pick<AgentParts, 'opening' | 'serving'>): Record<string, CollectorStatus> {
  const failure = opening.failure()
  const open = opening.current()
  const election = open?.leadership?.failure()
  return {
    ...(failure === undefined ? {} : { connect: failure }),
    ...(election === undefined ? {} : { election }),
    ...(serving.reports() ? open?.collection.statuses() : {}),
    ...open?.watching.statuses(),
  }
}

/** Without an election, or before the agent takes part in it, there is none. */
export function roleOf({ connector, isStarted, serving }: AgentParts): Role | undefined {
  if (connector.election === undefined || !isStarted()) return undefined
  return serving.leadId() === undefined ? 'standby' : 'leader'
}

/** What tells this process from others of the same agent. One that does not know yet who it is speaks for itself alone. */
function instanceOf(parts: AgentParts): Pick<HeartbeatDescription, 'instance_id' | 'role' | 'lead_id'> {
  const role = roleOf(parts)
  if (role === undefined || parts.opening.isProvisional()) return {}
  const lead = parts.serving.leadId()
  return { instance_id: parts.instanceId, role, ...(lead === undefined ? {} : { lead_id: lead }) }
}
