import { collectorStatusSchema, connectorOriginSchema, heartbeatRequestSchema, ROLES } from '@rca/core/protocol'
import { lt, valid } from 'semver'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { CONNECTIVITY, isOnline } from '../store/connectivity.ts'
import type { ReadSession } from '../store/read-session.ts'
import type { ListedAgent, StoredAgent, StoredGap, StoredInstance } from '../store/records.ts'
import { isCloned } from '../store/store.ts'
import { dataFlowSchema, toDataFlow } from './data-flow.ts'
import { agentFilter, agentId, instant, toInstant, toInstants } from './fields.ts'
import { findAgent } from './find-agent.ts'
import { findArtifacts, findLatestVersion } from './find-artifacts.ts'
import { gapSchema, toGap } from './gaps.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const connectorOrigin = connectorOriginSchema
  .optional()
  .describe('Package of the connector, from the last heartbeat. Absent when the agent does not send it.')

const healthSchema = named(
  'Health',
  z.object({
    status: z
      .enum(['healthy', 'degraded', 'unknown'])
      .describe(
        '`degraded`: a collector fails or a gap is open. `unknown`: the agent is not online or has sent no heartbeat.',
      ),
    collectors: z.record(z.string(), collectorStatusSchema).describe('From the last heartbeat.'),
    gaps: z.array(gapSchema).describe('Parts of the infrastructure that the agent cannot see at the moment.'),
  }),
)

const instanceSchema = named(
  'Instance',
  z.object({
    instance_id: z.string(),
    role: z.enum(ROLES).describe('At most one instance is `leader`. An offline instance keeps its last role.'),
    connectivity: z.enum(['online', 'offline']).describe('`offline`: no heartbeat for three of its intervals.'),
    started_at: instant,
    last_heartbeat_at: instant,
    agent_version: z.string(),
    connector: connectorOrigin,
    collectors: z
      .record(z.string(), collectorStatusSchema)
      .describe('From its last heartbeat. A standby runs only watchers.'),
    collectors_omitted: z
      .literal(true)
      .optional()
      .describe('Present when `collectors` is empty because the statuses of all instances are too large.'),
  }),
)

const agentSchema = named(
  'Agent',
  z.object({
    agent_id: z
      .string()
      .nullable()
      .describe('`null` while no agent has called: a placeholder for a provisioned agent.'),
    environment: z.string(),
    agent_type: z.string(),
    connectivity: z
      .enum(CONNECTIVITY)
      .describe(
        '`pending`: provisioned, never called. `offline`: no call for three of its heartbeat intervals; calls of standby instances do not count.',
      ),
    health: healthSchema,
    data: dataFlowSchema,
    name: z.string().optional().describe('Display name of the host, engine or cluster.'),
    agent_version: z.string().optional(),
    connector: connectorOrigin,
    latest_version: z
      .string()
      .optional()
      .describe('Version of the archives that this platform serves. Absent when it serves none, and while pending.'),
    is_behind: z
      .boolean()
      .optional()
      .describe('True when `agent_version` is older than `latest_version`. Absent when one of them is.'),
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
      .describe('Replicas of the agent, which elect the one that reports. Absent without an election.'),
    enrolled: z
      .boolean()
      .optional()
      .describe('`true`: the last heartbeat came with a key of this agent alone. `false`: with a token.'),
    key_expires_at: instant.optional().describe('When that key expires. The agent replaces it before.'),
    revoked_at: instant.optional().describe('When the agent was revoked, if it has not called since.'),
    cloned: z
      .object({
        instances: z.array(z.string()).describe('Names of the processes, which begin with the name of their host.'),
        last_seen_at: instant.describe('When they last took turns.'),
      })
      .optional()
      .describe(
        'Several processes were this agent in turn within the last hour, such as those of a machine and its clone.',
      ),
    outbox: heartbeatRequestSchema.shape.outbox.optional().describe('Undelivered reports at the last heartbeat.'),
  }),
)

type AgentAnswer = z.output<typeof agentSchema>

export function addAgentRoutes(app: App, context: Context): void {
  const { store, now, heartbeatSeconds } = context

  const list = {
    operationId: 'listAgents',
    summary: 'List agents',
    description:
      'A `pending` entry without `agent_id` stands for a type that was provisioned and has no agent that called. Pages of large agents end before `limit`.',
    tags: ['reading'],
    querystring: z.strictObject({
      ...agentFilter,
      connectivity: z.enum(CONNECTIVITY).optional(),
      is_behind: z
        .enum(['true', 'false'])
        .optional()
        .describe('Only agents that are older, or not older, than the archives that this platform serves.'),
      ...pageQuery(),
    }),
    success: 'Agents, and placeholders for provisioned agents.',
    response: { 200: z.object({ agents: z.array(agentSchema), next_cursor: nextCursor }), ...problems(404, 422) },
  }
  app.get(
    '/api/v1/agents',
    { config: { access: ['read'], environment: 'query', reads: true }, schema: list },
    async (request) => {
      const page = toPageRequest(request.query, ['text', 'text', 'number'])
      const { is_behind: isBehind, ...query } = request.query
      const versions = isBehind === undefined ? undefined : await findVersions(context, isBehind === 'true')
      const filter = { ...query, versions, now: now(), intervalSeconds: heartbeatSeconds }
      const { items, next } = await store.agents.list(filter, page, request.reading)
      return { agents: await withState(context, items, request.reading), next_cursor: toCursor(next) }
    },
  )

  const get = {
    operationId: 'getAgent',
    summary: 'Show an agent',
    tags: ['reading'],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject(agentFilter),
    success: 'The agent.',
    response: { 200: agentSchema, ...problems(404, 409, 422) },
  }
  app.get(
    '/api/v1/agents/:agent_id',
    { config: { access: ['read'], environment: 'query' }, schema: get },
    async (request) => {
      const agent = await findAgent(context, request.params.agent_id, request.query)
      const [answer] = await withState(context, [agent])
      return answer as AgentAnswer
    },
  )
}

/** Returns the versions of agents that are, or are not, behind the newest archives. @throws {ProblemError} 404, 503 */
async function findVersions(context: Context, wanted: boolean): Promise<string[]> {
  const { version: latest } = await findArtifacts(context)
  return (await context.store.agents.versions()).filter((version) => isBehind(version, latest) === wanted)
}

/** Compares semantic versions. Returns `undefined` for another version, such as that of a test's agent. */
function isBehind(version: string, latest: string): boolean | undefined {
  return valid(version) === null ? undefined : lt(version, latest)
}

/** Adds open gaps, instances and the newest version to agents. */
async function withState(
  context: Context,
  agents: readonly ListedAgent[],
  session?: ReadSession,
): Promise<AgentAnswer[]> {
  const keys = agents.map(({ key }) => key)
  const gaps = await context.store.agents.openGaps(keys, session)
  const instances = await context.store.agents.instances(keys, session)
  const latest = await findLatestVersion(context)
  return agents.map((agent) => ({
    ...toAgent(agent, gaps.get(agent.key) ?? [], instances.get(agent.key) ?? [], context),
    ...(latest === undefined || agent.agent_id === null ? {} : toUpdate(agent.agent_version, latest)),
  }))
}

function toUpdate(version: string, latest: string): Pick<AgentAnswer, 'latest_version' | 'is_behind'> {
  const behind = isBehind(version, latest)
  return { latest_version: latest, ...(behind === undefined ? {} : { is_behind: behind }) }
}

/** Computes connectivity and health as of now. */
function toAgent(
  agent: ListedAgent,
  gaps: readonly StoredGap[],
  instances: readonly StoredInstance[],
  { now, heartbeatSeconds }: Pick<Context, 'now' | 'heartbeatSeconds'>,
): AgentAnswer {
  const { environment, agent_type } = agent
  if (agent.agent_id === null) {
    return {
      agent_id: null,
      environment,
      agent_type,
      connectivity: 'pending',
      health: { status: 'unknown', collectors: {}, gaps: [] },
      data: { status: 'unknown' },
      provisioned_at: toInstant(agent.provisioned_at),
    }
  }
  const { agent_id, agent_version, name, started_at, last_heartbeat_at, last_report_at, outbox, connector } = agent
  const interval = agent.interval_seconds ?? heartbeatSeconds
  const online = agent.standing_by === 0 && isOnline(agent.last_seen_at, interval, now())
  return {
    agent_id,
    environment,
    agent_type,
    connectivity: online ? 'online' : 'offline',
    health: healthOf(agent, gaps, online),
    data: toDataFlow(agent, now(), heartbeatSeconds),
    agent_version,
    ...(connector === null ? {} : { connector }),
    heartbeat_interval_seconds: interval,
    ...(name === null ? {} : { name }),
    first_seen_at: toInstant(agent.first_seen_at),
    last_seen_at: toInstant(agent.last_seen_at),
    ...toInstants({ started_at, last_heartbeat_at, last_report_at }),
    ...enrolmentOf(agent, interval, now()),
    ...(instances.length === 0 ? {} : { instances: instances.map((instance) => toInstance(instance, now())) }),
    ...(outbox === null ? {} : { outbox }),
  }
}

function enrolmentOf(
  { key_expires_at, revoked_at, last_heartbeat_at, last_seen_at, cloned_at, processes, clones }: StoredAgent,
  interval: number,
  now: number,
): Pick<AgentAnswer, 'enrolled' | 'key_expires_at' | 'revoked_at' | 'cloned'> {
  const isRevoked = revoked_at !== null && revoked_at >= last_seen_at
  return {
    ...(last_heartbeat_at === null ? {} : { enrolled: key_expires_at !== null }),
    ...toInstants({ key_expires_at, revoked_at: isRevoked ? revoked_at : null }),
    ...(cloned_at !== null && isCloned(cloned_at, interval, now)
      ? { cloned: { instances: processes.slice(0, clones), last_seen_at: toInstant(cloned_at) } }
      : {}),
  }
}

function toInstance(instance: StoredInstance, now: number): z.output<typeof instanceSchema> {
  const { instance_id, role, agent_version, collectors, connector } = instance
  return {
    instance_id,
    role,
    connectivity: isOnline(instance.last_heartbeat_at, instance.interval_seconds, now) ? 'online' : 'offline',
    started_at: toInstant(instance.started_at),
    last_heartbeat_at: toInstant(instance.last_heartbeat_at),
    agent_version,
    ...(connector === null ? {} : { connector }),
    collectors: { ...collectors },
    ...(collectors === null ? { collectors_omitted: true as const } : {}),
  }
}

function healthOf(agent: StoredAgent, gaps: readonly StoredGap[], online: boolean): AgentAnswer['health'] {
  const collectors = { ...agent.collectors }
  const degraded = gaps.length > 0 || Object.values(collectors).some((collector) => !collector.ok)
  const known = online && agent.collectors !== null
  return { status: known ? (degraded ? 'degraded' : 'healthy') : 'unknown', collectors, gaps: gaps.map(toGap) }
}
