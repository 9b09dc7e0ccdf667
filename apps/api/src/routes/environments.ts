import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'
import type { StoredEnvironment, StoredToken } from '../store/records.ts'
import { environmentName, instant, toInstant, toInstants } from './fields.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const environmentSchema = named(
  'Environment',
  z.object({
    name: z.string(),
    created_at: instant,
    agent_types: z.array(z.string()).describe('Types provisioned in the environment.'),
    agents: z.int().describe('Number of agents that have called.'),
  }),
)

const tokenSchema = named(
  'Token',
  z.object({
    agent_type: z.string(),
    state: z
      .enum(['valid', 'closed', 'expiring', 'expired', 'revoked'])
      .describe('`closed`: no further agents may join; those that joined go on.'),
    created_at: instant,
    expires_at: instant.optional().describe('Set by a rotation of the token.'),
    revoked_at: instant.optional(),
    joinable_until: instant.optional().describe('Until when new agents may join. Absent for ever.'),
    max_agents: z.int().optional().describe('Number of agents that may join. Absent for the limit of the platform.'),
    agents: z.int().describe('Number of agents that joined.'),
    last_used_at: instant.optional().describe('Time of the last heartbeat with the token.'),
  }),
)

export function addEnvironmentRoutes(app: App, { store, now }: Context): void {
  const list = {
    operationId: 'listEnvironments',
    summary: 'List environments',
    tags: ['environments'],
    querystring: z.strictObject(pageQuery()),
    success: 'Environments, sorted by name.',
    response: {
      200: z.object({ environments: z.array(environmentSchema), next_cursor: nextCursor }),
      ...problems(422),
    },
  }
  app.get(
    '/api/v1/environments',
    { config: { access: ['read'], environment: 'any' }, schema: list },
    async (request) => {
      const { caller } = request
      const names = caller.kind === 'access' ? (caller.token.environments ?? undefined) : undefined
      const { items, next } = await store.access.environments(toPageRequest(request.query, ['text']), names)
      return { environments: items.map(toEnvironment), next_cursor: toCursor(next) }
    },
  )

  const get = {
    operationId: 'getEnvironment',
    summary: 'Show an environment and the state of its tokens',
    tags: ['environments'],
    params: z.object({ name: environmentName }),
    success: 'The environment, with the state of each of its tokens.',
    response: {
      200: environmentSchema.extend({ tokens: z.array(tokenSchema).describe('Newest first.') }),
      ...problems(404, 422),
    },
  }
  app.get(
    '/api/v1/environments/:name',
    { config: { access: ['read'], environment: 'path' }, schema: get },
    async (request) => {
      const { name } = request.params
      const environment = await store.access.environment(name)
      if (environment === undefined) throw environmentNotFound(name)
      const tokens = await store.access.tokens(name)
      return { ...toEnvironment(environment), tokens: tokens.map((token) => toToken(token, now())) }
    },
  )
}

export function environmentNotFound(name: string): ProblemError {
  return new ProblemError(404, `The environment \`${name}\` does not exist. Provision an agent for it first.`)
}

function toEnvironment({ name, created_at, agent_types, agents }: StoredEnvironment) {
  return { name, created_at: toInstant(created_at), agent_types: [...agent_types], agents }
}

type CountedToken = StoredToken & { readonly agents: number }

function toToken(token: CountedToken, now: number) {
  const { agent_type, created_at, expires_at, revoked_at, joinable_until, max_agents, agents, last_used_at } = token
  return {
    agent_type,
    state: stateOf(token, now),
    created_at: toInstant(created_at),
    ...toInstants({ expires_at, revoked_at, joinable_until, last_used_at }),
    ...(max_agents === null ? {} : { max_agents }),
    agents,
  }
}

function stateOf(
  { revoked_at, expires_at, joinable_until, max_agents, agents }: CountedToken,
  now: number,
): z.output<typeof tokenSchema>['state'] {
  if (revoked_at !== null) return 'revoked'
  if (expires_at !== null) return expires_at > now ? 'expiring' : 'expired'
  const isFull = max_agents !== null && agents >= max_agents
  return isFull || (joinable_until !== null && joinable_until <= now) ? 'closed' : 'valid'
}
