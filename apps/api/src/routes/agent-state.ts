import { collectorStatusSchema, heartbeatRequestSchema, ROLES } from '@rca/core/protocol'
import { z } from 'zod'
import type { Context } from '../http/context.ts'
import { ProblemError } from '../http/problem-error.ts'
import { OFFLINE_AFTER_INTERVALS } from '../store/read/agents.ts'
import type { ListedAgent, StoredAgent, StoredGap, StoredInstance } from '../store/records.ts'
import { gapSchema, toGap } from './gap-state.ts'
import { instant, named } from './schemas.ts'

export const CONNECTIVITY = ['pending', 'online', 'offline'] as const

const healthSchema = named(
  'Health',
  z.object({
    status: z
      .enum(['healthy', 'degraded', 'unknown'])
      .describe(
        '`degraded`: a collector fails or something cannot be seen. `unknown`: the agent is not online, or has not said.',
      ),
    collectors: z.record(z.string(), collectorStatusSchema).describe('As of the last heartbeat.'),
    gaps: z.array(gapSchema).describe('What the agent cannot see at the moment.'),
  }),
)

const instanceSchema = named(
  'Instance',
  z.object({
    instance_id: z.string(),
    role: z
      .enum(ROLES)
      .describe('At most one is `leader`. One that is offline has whichever role it had when it was last heard.'),
    connectivity: z.enum(['online', 'offline']).describe('`offline`: no heartbeat for three of its intervals.'),
    started_at: instant,
    last_heartbeat_at: instant,
    agent_version: z.string(),
    collectors: z
      .record(z.string(), collectorStatusSchema)
      .describe('As of its last heartbeat. A standby runs watchers only.'),
  }),
)

export const agentSchema = named(
  'Agent',
  z.object({
    agent_id: z
      .string()
      .nullable()
      .describe('`null` while no agent has called: the place of one that was provisioned.'),
    environment: z.string(),
    agent_type: z.string(),
    connectivity: z
      .enum(CONNECTIVITY)
      .describe(
        '`pending`: provisioned, never seen. `offline`: no call for three of its heartbeat intervals, apart from instances that stand by.',
      ),
    health: healthSchema,
    name: z.string().optional().describe('What people call what is watched.'),
    agent_version: z.string().optional(),
    heartbeat_interval_seconds: z.number().optional(),
    provisioned_at: instant.optional().describe('Only while pending.'),
    started_at: instant.optional(),
    first_seen_at: instant.optional(),
    last_seen_at: instant.optional().describe('Last call of any kind.'),
    last_heartbeat_at: instant.optional(),
    last_report_at: instant.optional().describe('Time of the newest report.'),
    instances: z
      .array(instanceSchema)
      .optional()
      .describe(
        'Processes that watch the same thing and elect the one that reports. Absent where there is no election.',
      ),
    outbox: heartbeatRequestSchema.shape.outbox.optional().describe('What waited for delivery at the last heartbeat.'),
  }),
)

type AgentAnswer = z.output<typeof agentSchema>

/** An agent as people see it: connectivity and health are told apart, and computed now. */
export function toAgent(
  agent: ListedAgent,
  gaps: readonly StoredGap[],
  instances: readonly StoredInstance[],
  { now, heartbeatSeconds }: Pick<Context, 'now' | 'heartbeatSeconds'>,
): AgentAnswer {
  const { environment, agentType } = agent
  if (agent.agentId === undefined) {
    const health = { status: 'unknown' as const, collectors: {}, gaps: [] }
    return {
      agent_id: null,
      environment,
      agent_type: agentType,
      connectivity: 'pending',
      health,
      provisioned_at: new Date(agent.provisionedAt).toISOString(),
    }
  }
  const interval = agent.intervalSeconds ?? heartbeatSeconds
  const online = !agent.standingBy && isOnline(agent.lastSeenAt, interval, now())
  return {
    agent_id: agent.agentId,
    environment,
    agent_type: agentType,
    connectivity: online ? 'online' : 'offline',
    health: healthOf(agent, gaps, online),
    agent_version: agent.agentVersion,
    heartbeat_interval_seconds: interval,
    first_seen_at: new Date(agent.firstSeenAt).toISOString(),
    last_seen_at: new Date(agent.lastSeenAt).toISOString(),
    ...(agent.name === undefined ? {} : { name: agent.name }),
    ...(agent.startedAt === undefined ? {} : { started_at: new Date(agent.startedAt).toISOString() }),
    ...(agent.lastHeartbeatAt === undefined
      ? {}
      : { last_heartbeat_at: new Date(agent.lastHeartbeatAt).toISOString() }),
    ...(agent.lastReportAt === undefined ? {} : { last_report_at: new Date(agent.lastReportAt).toISOString() }),
    ...(instances.length === 0 ? {} : { instances: instances.map((instance) => toInstance(instance, now())) }),
    ...(agent.outbox === undefined ? {} : { outbox: agent.outbox }),
  }
}

function toInstance(instance: StoredInstance, now: number): z.output<typeof instanceSchema> {
  return {
    instance_id: instance.instanceId,
    role: instance.role,
    connectivity: isOnline(instance.lastHeartbeatAt, instance.intervalSeconds, now) ? 'online' : 'offline',
    started_at: new Date(instance.startedAt).toISOString(),
    last_heartbeat_at: new Date(instance.lastHeartbeatAt).toISOString(),
    agent_version: instance.agentVersion,
    collectors: { ...instance.collectors },
  }
}

function isOnline(seenAt: number, intervalSeconds: number, now: number): boolean {
  return seenAt + OFFLINE_AFTER_INTERVALS * 1000 * intervalSeconds >= now
}

function healthOf(agent: StoredAgent, gaps: readonly StoredGap[], online: boolean): AgentAnswer['health'] {
  const collectors = { ...agent.collectors }
  const troubled = gaps.length > 0 || Object.values(collectors).some((collector) => !collector.ok)
  const said = online && agent.collectors !== undefined
  return { status: said ? (troubled ? 'degraded' : 'healthy') : 'unknown', collectors, gaps: gaps.map(toGap) }
}

/**
 * The one agent that is meant. The same machine may be watched for two environments under one id.
 *
 * @throws {ProblemError} 404 when there is none, 409 when there are several.
 */
export async function findAgent(
  { store }: Pick<Context, 'store'>,
  agentId: string,
  filter: { environment?: string | undefined; agent_type?: string | undefined },
): Promise<StoredAgent> {
  const [agent, ...others] = await store.agents.find(agentId, filter.environment, filter.agent_type)
  if (agent === undefined)
    throw new ProblemError(
      404,
      `There is no agent \`${agentId}\`${filter.environment === undefined ? '' : ` in \`${filter.environment}\``}.`,
    )
  if (others.length === 0) return agent
  const places = [agent, ...others].map(({ environment, agentType }) => `\`${environment}\` (${agentType})`).join(', ')
  throw new ProblemError(
    409,
    `This agent id is known in several environments: ${places}. Say which with \`?environment=\`${others.some((other) => other.environment === agent.environment) ? ' and `agent_type=`' : ''}.`,
  )
}
