import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import { createAgentToken } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { invalid, ProblemError, sentence } from '../http/problem-error.ts'
import { type DeploymentFields, deploymentFields, planDeploymentFor } from './deployment.ts'
import { environmentNotFound } from './environments.ts'
import { agentType, environmentName, graceSeconds, instant, toInstant } from './fields.ts'
import { limitFields, limitsInAnswer, limitsOfToken, NO_LIMITS } from './token-limits.ts'

const rotateRequest = named(
  'RotateRequest',
  z.strictObject({
    agent_type: agentType
      .optional()
      .describe('Rotates only tokens of this type. Default: every type of the environment.'),
    grace_seconds: graceSeconds,
  }),
)

const rotatedToken = named(
  'RotatedToken',
  z.object({
    agent_type: z.string(),
    agent_token: z.string().describe('Shown only in this response.'),
    ...limitFields,
    previous_valid_until: instant
      .nullable()
      .describe('When the last of the old tokens expires; `null` when none was valid.'),
    ...deploymentFields,
    deployment_command: deploymentFields.deployment_command
      .nullable()
      .describe('`null` when it requires secrets, which the platform does not store: see `instructions`.'),
  }),
)

const revokeRequest = named(
  'RevokeRequest',
  z.strictObject({
    agent_type: agentType
      .optional()
      .describe('Revokes only tokens of this type. Default: all tokens of the environment.'),
  }),
)

const shared = { tags: ['environments'], params: z.object({ name: environmentName }) }

/** Rotates and revokes the tokens of an environment. */
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
      'Creates a new token for each type, with the limits of the last provisioning. The old tokens stay valid for the grace period, so that agents can be updated one by one. Agents with a key of their own need no update.',
    body: rotateRequest.nullish(),
    success: 'The new tokens, and how to deploy agents with them.',
    response: {
      200: z.object({ environment_name: z.string(), tokens: z.array(rotatedToken) }),
      ...problems(400, 404, 408, 413, 415, 422),
    },
  }
  app.post(
    '/api/v1/environments/:name/token/rotate',
    { config: { access: ['manage'], environment: 'path' }, schema: rotate },
    async (request, reply) => {
      const { name } = request.params
      const at = now()
      const expireAt = at + (request.body?.grace_seconds ?? context.graceSeconds) * 1000
      const types = await typesOf(context, name, request.body?.agent_type)
      const created = await Promise.all(
        types.map(async (type) => {
          const limits = (await store.access.settings(name, type))?.limits ?? NO_LIMITS
          return { type, ...createAgentToken(name), limits: limitsOfToken(limits, at) }
        }),
      )
      const commands = await Promise.all(
        created.map(({ type, token }) => recreateCommand(context, name, type, token, request.log)),
      )
      const validUntil = await store.access.rotate(
        created.map(({ type, digest, limits }) => ({
          environment: name,
          agent_type: type,
          hash: digest,
          created_at: at,
          ...limits,
        })),
        expireAt,
      )
      request.log.info({ environment: name, agent_types: types }, 'tokens rotated')
      const tokens = created.map(({ type, token, limits }, index) => {
        const until = validUntil[index]
        return {
          agent_type: type,
          agent_token: token,
          ...limitsInAnswer(limits),
          previous_valid_until: until === undefined ? null : toInstant(until),
          ...(commands[index] as RecreatedCommand),
        }
      })
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
    description:
      'Refuses agents that use these tokens, and the keys of all agents of these types, from their next call on. Delivered reports are kept.',
    body: revokeRequest.nullish(),
    success: 'The tokens are revoked. Returns how many.',
    response: {
      200: z.object({
        environment_name: z.string(),
        revoked: z.int().describe('Number of tokens that were valid.'),
        revoked_keys: z.int().describe('Number of keys of agents that were valid.'),
      }),
      ...problems(400, 404, 408, 413, 415, 422),
    },
  }
  app.post(
    '/api/v1/environments/:name/token/revoke',
    { config: { access: ['manage'], environment: 'path' }, schema: revoke },
    async (request) => {
      const { name } = request.params
      await typesOf(context, name, request.body?.agent_type)
      const { tokens: revoked, keys: revoked_keys } = await store.access.revoke(name, request.body?.agent_type, now())
      request.log.info({ environment: name, revoked, revoked_keys }, 'tokens revoked')
      return { environment_name: name, revoked, revoked_keys }
    },
  )
}

/** Returns the wanted type, or all provisioned types. @throws {ProblemError} 404 or 422 */
async function typesOf({ store }: Context, name: string, wanted: string | undefined): Promise<readonly string[]> {
  const environment = await store.access.environment(name)
  if (environment === undefined) throw environmentNotFound(name)
  if (wanted === undefined) return environment.agent_types
  if (environment.agent_types.includes(wanted)) return [wanted]
  throw invalid([
    {
      pointer: '#/agent_type',
      detail: `This type was not provisioned in \`${name}\`. Provisioned: ${environment.agent_types.map((type) => `\`${type}\``).join(', ')}.`,
    },
  ])
}

/** A deployment without the command when it cannot be recreated. */
type RecreatedCommand = Omit<DeploymentFields, 'deployment_command'> & { readonly deployment_command: string | null }

/** Recreates the provisioned command with the new token. A command with secrets cannot be recreated. */
async function recreateCommand(
  context: Context,
  name: string,
  type: string,
  token: string,
  log: FastifyBaseLogger,
): Promise<RecreatedCommand> {
  const { config = {}, withheld = [] } = (await context.store.access.settings(name, type)) ?? {}
  const options = withheld.map((option) => `\`${option}\``).join(', ')
  const manually = 'Set AGENT_TOKEN to the new token where the agent runs, and restart the agent.'
  if (withheld.length > 0) {
    return {
      deployment_command: null,
      instructions: `The command contained secrets (${options}), which the platform does not store. ${manually} For a new command, provision the environment again.`,
    }
  }
  try {
    return (await planDeploymentFor(context, { type, environment: name, token }, config)).fields
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    log.warn(
      { ...error.logFields, agent_type: type, err: error.cause ?? error },
      'deployment command cannot be recreated',
    )
    return {
      deployment_command: null,
      instructions: `The command cannot be recreated: ${sentence(error.message)} ${manually}`,
    }
  }
}
