import { z } from 'zod'
import { createAgentToken } from '../http/agent-token.ts'
import type { App, Context } from '../http/context.ts'
import { deploymentFields, planFor, withoutSecrets } from './deployment.ts'
import { agentType, environmentName, named, problems } from './schemas.ts'

const provisionRequest = named(
  'ProvisionRequest',
  z.strictObject({
    agent_type: agentType,
    environment_name: environmentName,
    config: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Options of the agent, as `GET /api/v1/agent/types/{type}` describes them.'),
  }),
)

const provisionResponse = named(
  'ProvisionResponse',
  z.object({
    agent_type: z.string(),
    environment_name: z.string(),
    agent_token: z.string().describe('Shown here and never again.'),
    ...deploymentFields,
  }),
)

/** `POST /api/v1/agent/provision`: a token and the command that deploys an agent with it. */
export function addProvisionRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'provisionAgent',
    summary: 'Provision an agent',
    description:
      'Creates the environment if it is new, and a token for agents of one type in it. Calling it again adds another token; those from before stay valid until they are rotated or revoked. ' +
      'Secrets in `config` go into the command and are not kept.',
    tags: ['deployment'],
    security: [{ admin: [] }],
    body: provisionRequest,
    success: 'The token, and how to deploy an agent with it.',
    response: { 201: provisionResponse, ...problems(400, 408, 413, 415, 422, 500) },
  }
  app.post('/api/v1/agent/provision', { config: { access: 'admin' }, schema }, async (request, reply) => {
    const { agent_type: type, environment_name: environment, config } = request.body
    const { token, digest } = createAgentToken(environment)
    const { connector, fields } = await planFor(context, type, token, config)
    await context.store.access.provision(
      { environment, agentType: type, hash: digest, createdAt: context.now() },
      withoutSecrets(connector, config),
    )
    request.log.info({ environment, agent_type: type }, 'provisioned')
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ agent_type: type, environment_name: environment, agent_token: token, ...fields })
  })
}
