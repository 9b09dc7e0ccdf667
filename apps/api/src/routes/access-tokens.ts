import { duration, toMilliseconds } from '@rca/core'
import { z } from 'zod'
import { createAccessToken } from '../http/authentication.ts'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { ProblemError } from '../http/problem-error.ts'
import { type AccessToken, SCOPES } from '../store/records.ts'
import { environmentName, graceSeconds, instant, toInstant, toInstants } from './fields.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const MAX_TTL_MS: number = toMilliseconds('3650d')
const MAX_ENVIRONMENTS = 100

const tokenName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/,
    'Use letters, digits, `.`, `_`, `@` and `-`, starting with a letter or digit, at most 63',
  )
  .describe('Names the person or program, in the log too, such as `grafana` or `kim@example.com`.')

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .describe(
    '`read`: agents, their signals, and the metrics of the API. `provision`: agent types, and new tokens of agents. `manage`: rotation, revocation and removal. None includes another.',
  )

const environments = z
  .array(environmentName)
  .min(1)
  .max(MAX_ENVIRONMENTS)
  .nullable()
  .describe('Environments that it is limited to, which need not exist yet; `null` for all.')

const createRequest = named(
  'CreateAccessToken',
  z.strictObject({
    name: tokenName,
    scopes,
    environments: environments.default(null),
    ttl: z
      .union([
        z.literal('unlimited'),
        duration().refine((text) => toMilliseconds(text) > 0 && toMilliseconds(text) <= MAX_TTL_MS, {
          message: 'Write a duration of at most 3650d, such as 90d, or `unlimited`',
        }),
      ])
      .default('90d')
      .describe('How long it is valid: a duration, or `unlimited`.'),
  }),
  { name: 'grafana', scopes: ['read'], environments: ['prod-cluster-1'], ttl: '90d' },
)

const createdFields = {
  name: z.string(),
  access_token: z.string().describe('Shown only in this response.'),
  scopes,
  environments,
  expires_at: instant.nullable().describe('`null` for ever.'),
}

const created = named('CreatedAccessToken', z.object(createdFields), {
  name: 'grafana',
  access_token: 'access_pX2vC7sLqN9wZ4rT1yB6mK0dF8gJ5hA3eUiOxVcQnYk',
  scopes: ['read'],
  environments: ['prod-cluster-1'],
  expires_at: '2027-02-20T12:00:00.000Z',
})

const rotated = named(
  'RotatedAccessToken',
  z.object({
    ...createdFields,
    previous_valid_until: instant.describe('When the last of the earlier tokens of this name expires.'),
  }),
)

const accessToken = named(
  'AccessToken',
  z.object({
    token_id: z.int().describe('Names it in the log.'),
    name: z.string(),
    state: z.enum(['valid', 'expired', 'revoked']),
    scopes,
    environments,
    created_at: instant,
    expires_at: instant.optional().describe('Absent for ever.'),
    revoked_at: instant.optional(),
    last_used_at: instant.optional().describe('Accurate to a minute.'),
  }),
)

const tags = ['access']
const params = z.object({ name: tokenName })

/** Creates, lists, rotates and revokes the tokens of people and programs. Only the admin token creates others. */
export function addAccessTokenRoutes(app: App, context: Context): void {
  addCreateRoute(app, context)
  addListRoute(app, context)
  addRotateRoute(app, context)
  addRevokeRoute(app, context)
}

function addCreateRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'createAccessToken',
    summary: 'Create a token of a person or program',
    description:
      'The token opens the routes of its scopes. Only its digest is stored. Requires the admin token, so that no token can create one that may do more than itself.',
    tags,
    body: createRequest,
    success: 'The token.',
    response: { 201: created, ...problems(400, 408, 409, 413, 415, 422) },
  }
  app.post('/api/v1/access-tokens', { config: { access: 'admin' }, schema }, async (request, reply) => {
    const { name, ttl: lifetime } = request.body
    const created_at = now()
    const ttl = lifetime === 'unlimited' ? null : toMilliseconds(lifetime)
    const { token, digest } = createAccessToken()
    const settings = {
      scopes: SCOPES.filter((scope) => request.body.scopes.includes(scope)),
      environments: request.body.environments === null ? null : [...new Set(request.body.environments)].sort(),
      ttl,
      expires_at: ttl === null ? null : created_at + ttl,
    }
    if (!(await store.accessTokens.add({ name, hash: digest, created_at, ...settings })))
      throw new ProblemError(
        409,
        `A valid token has the name \`${name}\`. Rotate it with \`/rotate\`, revoke it with \`/revoke\`, or choose another name.`,
      )
    request.log.info({ token_name: name, scopes: settings.scopes }, 'access token created')
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send(toCreated(name, token, settings))
  })
}

function addListRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'listAccessTokens',
    summary: 'List the tokens of people and programs',
    tags,
    querystring: z.strictObject(pageQuery()),
    success: 'Tokens, sorted by name, the newest of a name first.',
    response: {
      200: z.object({ access_tokens: z.array(accessToken), next_cursor: nextCursor }),
      ...problems(422),
    },
  }
  app.get('/api/v1/access-tokens', { config: { access: ['manage'] }, schema }, async (request) => {
    const { items, next } = await store.accessTokens.list(toPageRequest(request.query, ['text', 'number']))
    return { access_tokens: items.map((token) => toListed(token, now())), next_cursor: toCursor(next) }
  })
}

function addRotateRoute(app: App, { store, now, graceSeconds: defaultGrace }: Context): void {
  const schema = {
    operationId: 'rotateAccessToken',
    summary: 'Rotate the token of a person or program',
    description:
      'Creates a token with the same scopes, environments and lifetime. Earlier ones of this name stay valid for the grace period, so that both can be used meanwhile.',
    tags,
    params,
    body: z.strictObject({ grace_seconds: graceSeconds }).nullish(),
    success: 'The new token.',
    response: { 201: rotated, ...problems(400, 404, 408, 413, 415, 422) },
  }
  app.post('/api/v1/access-tokens/:name/rotate', { config: { access: 'admin' }, schema }, async (request, reply) => {
    const { name } = request.params
    const created_at = now()
    const { token, digest } = createAccessToken()
    const expireAt = created_at + (request.body?.grace_seconds ?? defaultGrace) * 1000
    const outcome = await store.accessTokens.rotate({ name, hash: digest, created_at }, expireAt)
    if (outcome === undefined) throw noValidToken(name)
    request.log.info({ token_name: name, token_id: outcome.token.id }, 'access token rotated')
    const previous_valid_until = toInstant(outcome.previousValidUntil)
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ ...toCreated(name, token, outcome.token), previous_valid_until })
  })
}

function addRevokeRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'revokeAccessToken',
    summary: 'Revoke the tokens of a person or program at once',
    description: 'Refuses every token of this name from its next call on.',
    tags,
    params,
    body: z.strictObject({}).nullish(),
    success: 'The tokens are revoked. Returns how many.',
    response: {
      200: z.object({ name: z.string(), revoked: z.int().describe('Number of tokens that were valid.') }),
      ...problems(400, 404, 408, 413, 415, 422),
    },
  }
  app.post('/api/v1/access-tokens/:name/revoke', { config: { access: ['manage'] }, schema }, async (request) => {
    const { name } = request.params
    const revoked = await store.accessTokens.revoke(name, now())
    if (revoked === 0) throw noValidToken(name)
    request.log.info({ token_name: name, revoked }, 'access tokens revoked')
    return { name, revoked }
  })
}

function noValidToken(name: string): ProblemError {
  return new ProblemError(404, `No valid token has the name \`${name}\`. \`GET /api/v1/access-tokens\` lists all.`)
}

function toCreated(
  name: string,
  token: string,
  settings: Pick<AccessToken, 'scopes' | 'environments' | 'expires_at'>,
): z.output<typeof created> {
  const { expires_at } = settings
  return {
    name,
    access_token: token,
    ...limitsOf(settings),
    expires_at: expires_at === null ? null : toInstant(expires_at),
  }
}

function toListed(token: AccessToken, now: number): z.output<typeof accessToken> {
  const { id, name, created_at, expires_at, revoked_at, last_used_at } = token
  const isExpired = expires_at !== null && expires_at <= now
  return {
    token_id: id,
    name,
    state: revoked_at === null ? (isExpired ? 'expired' : 'valid') : 'revoked',
    ...limitsOf(token),
    created_at: toInstant(created_at),
    ...toInstants({ expires_at, revoked_at, last_used_at }),
  }
}

function limitsOf({ scopes, environments }: Pick<AccessToken, 'scopes' | 'environments'>) {
  return { scopes: [...scopes], environments: environments === null ? null : [...environments] }
}
