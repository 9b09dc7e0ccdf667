import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import { createAgentToken } from '../http/agent-token.ts'
import type { App, Context } from '../http/context.ts'
import { invalid, ProblemError } from '../http/problem-error.ts'
import { sentence } from '../sentence.ts'
import { type DeploymentFields, deploymentFields, planFor } from './deployment.ts'
import { noEnvironment } from './no-environment.ts'
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
    previous_valid_until: instant
      .nullable()
      .describe('When the tokens from before stop working; `null` where none of them was valid any more.'),
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
    success: 'The new tokens, and how to deploy agents with them.',
    response: {
      200: z.object({ environment_name: z.string(), tokens: z.array(rotatedToken) }),
      ...problems(400, 404, 408, 413, 415, 422),
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
      const commands = await Promise.all(
        made.map(({ type, token }) => commandAgain(context, name, type, token, request.log)),
      )
      const validUntil = await store.access.rotate(
        made.map(({ type, digest }) => ({ environment: name, agentType: type, hash: digest, createdAt: at })),
        expireAt,
      )
      request.log.info({ environment: name, agent_types: types }, 'tokens rotated')
      const tokens = made.map(({ type, token }, index) => ({
        agent_type: type,
        agent_token: token,
        previous_valid_until: toInstant(validUntil[index]),
        ...(commands[index] as Command),
      }))
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
    success: 'The tokens are revoked. Says how many.',
    response: {
      200: z.object({ environment_name: z.string(), revoked: z.int().describe('Tokens that were valid until now.') }),
      ...problems(400, 404, 408, 413, 415, 422),
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

/** A deployment whose command may be one that cannot be shown. */
type Command = Omit<DeploymentFields, 'deployment_command'> & { readonly deployment_command: string | null }

function toInstant(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString()
}

/** The command as it was provisioned, with the new token. What held secrets cannot be shown again. */
async function commandAgain(
  context: Context,
  name: string,
  type: string,
  token: string,
  log: FastifyBaseLogger,
): Promise<Command> {
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
    log.warn({ ...error.logged, agent_type: type, err: error.cause ?? error }, 'command cannot be written any more')
    return {
      deployment_command: null,
      instructions: `The command cannot be written any more: ${sentence(error.message)} ${byHand}`,
    }
  }
}
