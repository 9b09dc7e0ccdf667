import { z } from 'zod'
import { createAgentToken } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { deploymentFields, planDeploymentFor, withoutSecrets } from './deployment.ts'
import { agentType, environmentName } from './fields.ts'
import { limitFields, limitsInAnswer, limitsOfToken, takeTokenLimits } from './token-limits.ts'

const provisionRequest = named(
  'ProvisionRequest',
  z.strictObject({
    agent_type: agentType,
    environment_name: environmentName,
    config: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Options of the agent, as described by `GET /api/v1/agent/types/{type}`, and limits of the token: `token_ttl` (default `24h`) and `token_uses` (default `unlimited`).',
      ),
  }),
  { agent_type: 'server', environment_name: 'prod-cluster-1', config: { log_level: 'info' } },
)

const exampleToken = 'agent_prod-cluster-1_kV7pZ0cX3mQ9sT1wYb5nR8uJ2hL6fD4gAeK0iOoPqMx'
const exampleCommand = `curl -fsSL https://rca.example.com/install/agent.sh | bash -s -- \\\n  --platform-url https://rca.example.com \\\n  --agent-token ${exampleToken} \\\n  --agent-type server \\\n  --set log_level=info`
const exampleVerify = '/opt/rca-agent/current/bin/rca-agent service status'
const exampleUninstall = 'curl -fsSL https://rca.example.com/install/agent.sh | bash -s -- --uninstall'

const provisionResponse = named(
  'ProvisionResponse',
  z.object({
    agent_type: z.string(),
    environment_name: z.string(),
    agent_token: z.string().describe('Shown only in this response.'),
    ...limitFields,
    ...deploymentFields,
  }),
  {
    agent_type: 'server',
    environment_name: 'prod-cluster-1',
    agent_token: exampleToken,
    token_expires_at: '2026-11-23T12:00:00.000Z',
    token_uses: null,
    deployment_command: exampleCommand,
    uninstall_command: exampleUninstall,
    verify_command: exampleVerify,
    instructions: `1. Ensure that you are root on a Linux server that has curl and bash (\`sudo -i\` makes you root).\n2. Run: ${exampleCommand}\n3. Verify that the agent runs: ${exampleVerify}\nTo remove the agent, run: ${exampleUninstall}`,
  },
)

export function addProvisionRoute(app: App, context: Context): void {
  const schema = {
    operationId: 'provisionAgent',
    summary: 'Provision an agent',
    description:
      'Creates the environment if it is new, and a token for agents of one type in it. Calling it again adds another token; earlier tokens stay valid until they are rotated or revoked. ' +
      'An agent exchanges the token for a key of its own: `token_ttl` limits how long new agents may join with the token, and `token_uses` how many. ' +
      'Secrets in `config` become part of the command and are not stored.',
    tags: ['deployment'],
    body: provisionRequest,
    success: 'The token, and how to deploy an agent with it.',
    response: { 201: provisionResponse, ...problems(400, 408, 413, 415, 422, 500) },
  }
  app.post(
    '/api/v1/agent/provision',
    { config: { access: ['provision'], environment: 'body' }, schema },
    async (request, reply) => {
      const { agent_type, environment_name: environment } = request.body
      const { limits, config } = takeTokenLimits(request.body.config)
      const { token, digest } = createAgentToken(environment)
      const { secretOptions, fields } = await planDeploymentFor(
        context,
        { type: agent_type, environment, token },
        config,
      )
      const created_at = context.now()
      const tokenLimits = limitsOfToken(limits, created_at)
      await context.store.access.provision(
        { environment, agent_type, hash: digest, created_at, ...tokenLimits },
        { ...withoutSecrets(secretOptions, config), limits },
      )
      request.log.info({ environment, agent_type }, 'provisioned')
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({
          agent_type,
          environment_name: environment,
          agent_token: token,
          ...limitsInAnswer(tokenLimits),
          ...fields,
        })
    },
  )
}
