import { isRcaError } from '@rca/core'
import { connectorOriginSchema } from '@rca/core/protocol'
import { z } from 'zod'
import { connectorProblem } from '../connectors/connector-problem.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'
import { agentType } from './fields.ts'
import { TOKEN_OPTIONS } from './token-limits.ts'

const typesResponse = named(
  'AgentTypes',
  z.object({
    types: z.array(z.string()).describe('Sorted.'),
    descriptions: z.record(z.string(), z.string()).describe('A sentence for each type.'),
    connectors: z
      .record(z.string(), connectorOriginSchema)
      .describe('The package of each type. A type whose connector is part of the platform has none.'),
  }),
)

const typeResponse = named(
  'AgentType',
  z.object({
    type: z.string(),
    title: z.string(),
    description: z.string(),
    connector: connectorOriginSchema
      .optional()
      .describe('The installed package. Absent when the connector is part of the platform.'),
    config: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema (draft 2020-12) of `config`. Options marked `writeOnly` are secrets.'),
  }),
)

export function addTypeRoutes(app: App, context: Context): void {
  const { connectors } = context
  const config = { access: ['read', 'provision'], environment: 'any' } as const
  // Problems found at the start are in the log already.
  const logged = new Set(context.registry.problems.map(({ message }) => message))
  const list = {
    operationId: 'listAgentTypes',
    summary: 'List supported agent types',
    tags: ['deployment'],
    description:
      'Lists types that can be provisioned. An installed connector that cannot be used is left out; the log of the platform names its package and the cause.',
    success: 'The types, each with a sentence about it, and its package.',
    response: { 200: typesResponse, ...problems() },
  }
  app.get('/api/v1/agent/types', { config, schema: list }, async (request) => {
    const usable = await connectors.describeAll()
    for (const { package: name, version, message } of connectors.problems()) {
      if (!logged.has(message))
        request.log.error({ package: name, version, reason: message }, 'connector cannot be used')
      logged.add(message)
    }
    return {
      types: usable.map(({ type }) => type),
      descriptions: Object.fromEntries(usable.map(({ type, description }) => [type, description])),
      connectors: Object.fromEntries(usable.flatMap(({ type, connector }) => (connector ? [[type, connector]] : []))),
    }
  })

  const get = {
    operationId: 'getAgentType',
    summary: 'Describe an agent type and its options',
    tags: ['deployment'],
    description: 'The slash of a type such as `acme/queues` may be written as `/` or as `%2F`.',
    params: z.object({ type: agentType }),
    success: 'The type, with its options as JSON Schema.',
    response: { 200: typeResponse, ...problems(404, 500) },
  }
  app.get('/api/v1/agent/types/:type', { config, schema: get }, (request) => describeType(context, request.params.type))

  // OpenAPI has no parameter that contains a slash: the route above describes both.
  const getOfVendor = { ...get, hide: true, params: z.object({ vendor: agentType, name: agentType }) }
  app.get('/api/v1/agent/types/:vendor/:name', { config, schema: getOfVendor }, (request) =>
    describeType(context, `${request.params.vendor}/${request.params.name}`),
  )
}

/** @throws {ProblemError} 404 for an unknown type, 500 for a connector that cannot be used. */
async function describeType({ connectors, registry }: Context, wanted: string): Promise<z.output<typeof typeResponse>> {
  try {
    const { config, ...summary } = await connectors.describe(wanted)
    return { ...summary, config: { ...config, properties: { ...config.properties, ...TOKEN_OPTIONS } } }
  } catch (error) {
    if (isRcaError(error) && error.code === 'RCA_TYPE_UNKNOWN') throw new ProblemError(404, error.message)
    throw connectorProblem(registry, wanted, error)
  }
}
