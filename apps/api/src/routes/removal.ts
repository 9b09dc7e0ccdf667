import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { environmentNotFound } from './environments.ts'
import { agentFilter, agentId, environmentName, instant, toInstant } from './fields.ts'
import { onlyAgent } from './find-agent.ts'

const removedAgent = named(
  'RemovedAgent',
  z.object({ agent_id: z.string(), environment: z.string(), agent_type: z.string(), removed_at: instant }),
)

const removedEnvironment = named(
  'RemovedEnvironment',
  z.object({
    name: z.string(),
    removed_at: instant,
    agents: z.int().describe('Number of agents that were removed with it.'),
    revoked_tokens: z.int().describe('Number of its tokens that were valid.'),
  }),
)

const LATER = 'It is deleted from the store in small steps, within about ten minutes.'

/** Removes agents and environments with their data. */
export function addRemovalRoutes(app: App, context: Context): void {
  addRemoveAgentRoute(app, context)
  addRemoveEnvironmentRoute(app, context)
}

function addRemoveAgentRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'removeAgent',
    summary: 'Remove an agent with its data',
    description: `What the agent sent can no longer be read. ${LATER} An agent that goes on reporting is refused with 401: its keys, and every token that was provisioned before. With a token that is provisioned afterwards, it is a new agent.`,
    tags: ['environments'],
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject(agentFilter),
    success: 'The agent is removed.',
    response: { 200: removedAgent, ...problems(400, 404, 408, 409, 413, 415, 422) },
  }
  app.delete(
    '/api/v1/agents/:agent_id',
    { config: { access: ['manage'], environment: 'query' }, schema },
    async (request) => {
      const { agent_id: id } = request.params
      const agent = onlyAgent(await store.enrolment.identities(id, request.query), id, request.query)
      const at = now()
      request.auditTarget = { environment: agent.environment, agent_type: agent.agent_type }
      await store.removals.removeAgent(agent, at)
      request.log.info({ ...agent }, 'agent removed')
      return { ...agent, removed_at: toInstant(at) }
    },
  )
}

function addRemoveEnvironmentRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'removeEnvironment',
    summary: 'Remove an environment with its tokens, its agents and their data',
    description: `What its agents sent can no longer be read. ${LATER} Its agents are refused with 401. An environment that is provisioned with the same name is a new one. The audit trail keeps its entries.`,
    tags: ['environments'],
    params: z.object({ name: environmentName }),
    success: 'The environment is removed.',
    response: { 200: removedEnvironment, ...problems(400, 404, 408, 413, 415, 422) },
  }
  app.delete(
    '/api/v1/environments/:name',
    { config: { access: ['manage'], environment: 'path' }, schema },
    async (request) => {
      const { name } = request.params
      const at = now()
      const removed = await store.removals.removeEnvironment(name, at)
      if (removed === undefined) throw environmentNotFound(name)
      request.log.info({ environment: name, ...removed }, 'environment removed')
      return { name, removed_at: toInstant(at), agents: removed.agents, revoked_tokens: removed.tokens }
    },
  )
}
