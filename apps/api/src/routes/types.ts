import { agentConfigJsonSchema, isRcaError } from '@rca/core'
import { z } from 'zod'
import type { App, Context } from '../context.ts'
import { ProblemError } from '../problems/problem-error.ts'
import { agentType, named, problems } from './schemas.ts'

const typesResponse = named(
  'AgentTypes',
  z.object({
    types: z.array(z.string()).describe('Sorted.'),
    descriptions: z.record(z.string(), z.string()).describe('One sentence for each type.'),
  }),
)

const typeResponse = named(
  'AgentType',
  z.object({
    type: z.string(),
    title: z.string(),
    description: z.string(),
    config: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema (draft 2020-12) of `config`. Options marked `writeOnly` are secrets.'),
  }),
)

/** `GET /api/v1/agent/types` and one of them. */
export function addTypeRoutes(app: App, { registry }: Context): void {
  const shared = { tags: ['deployment'], security: [{ admin: [] }] }
  const list = {
    ...shared,
    operationId: 'listAgentTypes',
    summary: 'List supported agent types',
    response: { 200: typesResponse, ...problems() },
  }
  app.get('/api/v1/agent/types', { config: { access: 'admin' }, schema: list }, () => {
    const summaries = registry.summaries()
    return {
      types: summaries.map(({ type }) => type),
      descriptions: Object.fromEntries(summaries.map(({ type, description }) => [type, description])),
    }
  })

  const get = {
    ...shared,
    operationId: 'getAgentType',
    summary: 'Describe an agent type and its options',
    params: z.object({ type: agentType }),
    response: { 200: typeResponse, ...problems(404) },
  }
  app.get('/api/v1/agent/types/:type', { config: { access: 'admin' }, schema: get }, async (request) => {
    try {
      const connector = await registry.connector(request.params.type)
      const { type, title, description } = connector
      return { type, title, description, config: { ...agentConfigJsonSchema(connector) } }
    } catch (error) {
      throw isRcaError(error) && error.code === 'RCA_TYPE_UNKNOWN' ? new ProblemError(404, error.message) : error
    }
  })
}
