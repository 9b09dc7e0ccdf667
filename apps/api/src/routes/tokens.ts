import { z } from 'zod'
import { createAgentToken } from '../authentication/agent-token.ts'
import type { App, Context } from '../context.ts'
import { noEnvironment } from '../problems/no-environment.ts'
import { invalid, ProblemError } from '../problems/problem-error.ts'
import { type DeploymentFields, deploymentFields, planFor } from './deployment.ts'
import { agentType, environmentName, instant, named, problems } from './schemas.ts'

const rotateRequest = named(
  'RotateRequest',
  z.strictObject({
    agent_type: agentType.optional().describe('Only the token of this type. Default: every type of the environment.'),
    grace_seconds: z
      .int()
      .min(0)
      .max(2_592_000)
      .optional()
      .describe('How long the old tokens stay valid, at most 30 days. Default: the platform’s `RCA_TOKEN_GRACE`.'),
  }),
)

const rotatedToken = named(
  'RotatedToken',
  z.object({
    agent_type: z.string(),
    agent_token: z.string().describe('Shown here and never again.'),
    previous_valid_until: instant.describe('When the tokens from before stop working.'),
    ...deploymentFields,
    deployment_command: deploymentFields.deployment_command
      .nullable()
      .describe('`null` where it needs secrets, which the platform does not keep: see `instructions`.'),
  }),
)

const revokeRequest = named(
  'RevokeRequest',
  z.strictObject({
    agent_type: agentType.optional().describe('Only tokens of this type. Default: all of the environment.'),
  }),
)

const shared = { tags: ['environments'], security: [{ admin: [] }], params: z.object({ name: environmentName }) }

/** New tokens for old, and no token at all. */
export function addTokenRoutes(app: App, context: Context): void {
  addRotateRoute(app, context)
  addRevokeRoute(app, context)
}

function addRotateRoute(app: App, context: Context): void {
  const { store, now } = context

  const rotate = {
    ...shared,
    operationId: 'rotateTokens',
    summary: 'Rotate the tokens of an environment',
    description:
      'Makes a new token for each type. Those from before stay valid for the grace period, so that agents can be changed one after the other.',
    body: rotateRequest.nullish(),
    response: {
      200: z.object({ environment_name: z.string(), tokens: z.array(rotatedToken) }),
      ...problems(400, 404, 413, 415, 422),
    },
  }
  app.post(
    '/api/v1/environments/:name/token/rotate',
    { config: { access: 'admin' }, schema: rotate },
    async (request, reply) => {
      const { name } = request.params
      const at = now()
      const expireAt = at + (request.body?.grace_seconds ?? context.graceSeconds) * 1000
      const types = await typesOf(context, name, request.body?.agent_type)
      const made = await Promise.all(types.map(async (type) => ({ type, ...createAgentToken(name) })))
      const tokens = await Promise.all(
        made.map(async ({ type, token }) => ({
          agent_type: type,
          agent_token: token,
          previous_valid_until: new Date(expireAt).toISOString(),
          ...(await commandAgain(context, name, type, token)),
        })),
      )
      await store.access.rotate(
        made.map(({ type, digest }) => ({ environment: name, agentType: type, hash: digest, createdAt: at })),
        expireAt,
      )
      request.log.info({ environment: name, agent_types: types }, 'tokens rotated')
      return reply.header('cache-control', 'no-store').send({ environment_name: name, tokens })
    },
  )
}

function addRevokeRoute(app: App, context: Context): void {
  const { store, now } = context
  const revoke = {
    ...shared,
    operationId: 'revokeTokens',
    summary: 'Revoke the tokens of an environment at once',
    description: 'Agents that use them are refused from the next call on. What they delivered stays.',
    body: revokeRequest.nullish(),
    response: {
      200: z.object({ environment_name: z.string(), revoked: z.int().describe('Tokens that were valid until now.') }),
      ...problems(400, 404, 413, 415, 422),
    },
  }
  app.post(
    '/api/v1/environments/:name/token/revoke',
    { config: { access: 'admin' }, schema: revoke },
    async (request) => {
      const { name } = request.params
      await typesOf(context, name, request.body?.agent_type)
      const revoked = await store.access.revoke(name, request.body?.agent_type, now())
      request.log.info({ environment: name, revoked }, 'tokens revoked')
      return { environment_name: name, revoked }
    },
  )
}

/** The provisioned types that are meant. @throws {ProblemError} 404 or 422 */
async function typesOf({ store }: Context, name: string, wanted: string | undefined): Promise<readonly string[]> {
  const environment = await store.access.environment(name)
  if (environment === undefined) throw noEnvironment(name)
  if (wanted === undefined) return environment.agentTypes
  if (environment.agentTypes.includes(wanted)) return [wanted]
  throw invalid([
    {
      pointer: '#/agent_type',
      detail: `No agent of this type was provisioned for \`${name}\`. Provisioned: ${environment.agentTypes.map((type) => `\`${type}\``).join(', ')}.`,
    },
  ])
}

/** The command as it was provisioned, with the new token. What held secrets cannot be shown again. */
async function commandAgain(
  context: Context,
  name: string,
  type: string,
  token: string,
): Promise<Omit<DeploymentFields, 'deployment_command'> & { deployment_command: string | null }> {
  const { config = {}, withheld = [] } = (await context.store.access.settings(name, type)) ?? {}
  const options = withheld.map((option) => `\`${option}\``).join(', ')
  const byHand = 'Set AGENT_TOKEN to the new token where the agent runs and start it again.'
  if (withheld.length > 0) {
    return {
      deployment_command: null,
      instructions: `The command held secrets (${options}), which the platform does not keep. ${byHand} For a new command, provision the environment again.`,
    }
  }
  try {
    return (await planFor(context, type, token, config)).fields
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return {
      deployment_command: null,
      instructions: `The command cannot be written any more: ${error.message} ${byHand}`,
    }
  }
}
