import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import type { StoredEnvironment, StoredToken } from '../store/records.ts'
import { noEnvironment } from './no-environment.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { environmentName, instant, named, problems } from './schemas.ts'

const environmentSchema = named(
  'Environment',
  z.object({
    name: z.string(),
    created_at: instant,
    agent_types: z.array(z.string()).describe('Types that were provisioned for it.'),
    agents: z.int().describe('Agents that have called.'),
  }),
)

const tokenSchema = named(
  'Token',
  z.object({
    agent_type: z.string(),
    state: z.enum(['valid', 'expiring', 'expired', 'revoked']),
    created_at: instant,
    expires_at: instant.optional().describe('Set when the token was rotated.'),
    revoked_at: instant.optional(),
    last_used_at: instant.optional().describe('When a heartbeat last came with it.'),
  }),
)

/** Environments, without their tokens' values. */
export function addEnvironmentRoutes(app: App, { store, now }: Context): void {
  const shared = { tags: ['environments'], security: [{ admin: [] }] }
  const list = {
    ...shared,
    operationId: 'listEnvironments',
    summary: 'List environments',
    querystring: z.strictObject(pageQuery()),
    success: 'Environments, sorted by name.',
    response: {
      200: z.object({ environments: z.array(environmentSchema), next_cursor: nextCursor }),
      ...problems(422),
    },
  }
  app.get('/api/v1/environments', { config: { access: 'admin' }, schema: list }, async (request) => {
    const { items, next } = await store.access.environments(toPageRequest(request.query, ['text']))
    return { environments: items.map(toEnvironment), next_cursor: toCursor(next) }
  })

  const get = {
    ...shared,
    operationId: 'getEnvironment',
    summary: 'Show an environment and the state of its tokens',
    params: z.object({ name: environmentName }),
    success: 'The environment, and the state of each of its tokens.',
    response: {
      200: environmentSchema.extend({ tokens: z.array(tokenSchema).describe('Newest first.') }),
      ...problems(404, 422),
    },
  }
  app.get('/api/v1/environments/:name', { config: { access: 'admin' }, schema: get }, async (request) => {
    const { name } = request.params
    const environment = await store.access.environment(name)
    if (environment === undefined) throw noEnvironment(name)
    const tokens = await store.access.tokens(name)
    return { ...toEnvironment(environment), tokens: tokens.map((token) => toToken(token, now())) }
  })
}

function toEnvironment({ name, createdAt, agentTypes, agents }: StoredEnvironment) {
  return { name, created_at: new Date(createdAt).toISOString(), agent_types: [...agentTypes], agents }
}

function toToken(token: StoredToken, now: number) {
  const { agentType, createdAt, expiresAt, revokedAt, lastUsedAt } = token
  return {
    agent_type: agentType,
    state: stateOf(token, now),
    created_at: new Date(createdAt).toISOString(),
    ...(expiresAt === undefined ? {} : { expires_at: new Date(expiresAt).toISOString() }),
    ...(revokedAt === undefined ? {} : { revoked_at: new Date(revokedAt).toISOString() }),
    ...(lastUsedAt === undefined ? {} : { last_used_at: new Date(lastUsedAt).toISOString() }),
  }
}

function stateOf({ revokedAt, expiresAt }: StoredToken, now: number): 'valid' | 'expiring' | 'expired' | 'revoked' {
  if (revokedAt !== undefined) return 'revoked'
  if (expiresAt === undefined) return 'valid'
  return expiresAt > now ? 'expiring' : 'expired'
}
