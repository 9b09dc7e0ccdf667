import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { agentSchema, CONNECTIVITY, findAgent, toAgent } from './agent-state.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, problems } from './schemas.ts'

/** Agents: who calls, who should, and how they are. */
export function addAgentRoutes(app: App, context: Context): void {
  const { store, now, heartbeatSeconds } = context
  const shared = { tags: ['reading'], security: [{ admin: [] }] }

  const list = {
    ...shared,
    operationId: 'listAgents',
    summary: 'List agents',
    description:
      'Where a type was provisioned and no agent of it has called, a `pending` entry without `agent_id` stands for it.',
    querystring: z.strictObject({ ...agentFilter, connectivity: z.enum(CONNECTIVITY).optional(), ...pageQuery() }),
    success: 'Agents, and places of agents that are expected.',
    response: { 200: z.object({ agents: z.array(agentSchema), next_cursor: nextCursor }), ...problems(422) },
  }
  app.get('/api/v1/agents', { config: { access: 'admin' }, schema: list }, async (request) => {
    const { environment, agent_type: agentType, connectivity } = request.query
    const page = toPageRequest(request.query, ['text', 'text', 'number'])
    const { items, next } = await store.agents.list({
      ...page,
      environment,
      agentType,
      connectivity,
      now: now(),
      intervalSeconds: heartbeatSeconds,
    })
    const keys = items.map((agent) => agent.key)
    const [gaps, instances] = [await store.agents.openGaps(keys), await store.agents.instances(keys)]
    return {
      agents: items.map((agent) => toAgent(agent, gaps.get(agent.key) ?? [], instances.get(agent.key) ?? [], context)),
      next_cursor: toCursor(next),
    }
  })

  const get = {
    ...shared,
    operationId: 'getAgent',
    summary: 'Show an agent',
    params: z.object({ agent_id: agentId }),
    querystring: z.strictObject(agentFilter),
    success: 'The agent.',
    response: { 200: agentSchema, ...problems(404, 409, 422) },
  }
  app.get('/api/v1/agents/:agent_id', { config: { access: 'admin' }, schema: get }, async (request) => {
    const agent = await findAgent(context, request.params.agent_id, request.query)
    const gaps = await store.agents.openGaps([agent.key])
    const instances = await store.agents.instances([agent.key])
    return toAgent(agent, gaps.get(agent.key) ?? [], instances.get(agent.key) ?? [], context)
  })
}
