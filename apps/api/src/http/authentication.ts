import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { KEY_PREFIX } from '@rca/core/protocol'
import type { FastifyRequest } from 'fastify'
import type { AccessToken, Credential, Scope, StoredKey, StoredToken } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { ProblemError, unauthorized } from './problem-error.ts'

/**
 * The tokens that open a route. Scopes are alternatives: a token needs one of them. The admin token opens every route
 * but the agents'.
 */
export type Access = 'public' | 'agent' | 'admin' | readonly Scope[]

/** The authenticated sender of a request. */
export type Caller =
  | { readonly kind: 'public' }
  | { readonly kind: 'admin' }
  | { readonly kind: 'access'; readonly token: AccessToken }
  | { readonly kind: 'agent'; readonly credential: Credential }

/** Authenticates a request by its `Authorization: Bearer …`. @throws {ProblemError} 400, 401 */
export type Authenticate = (request: FastifyRequest, access: Access) => Promise<Caller>

/** Begins every token of a person or program. */
const ACCESS_PREFIX = 'access_'

/** The last use of a token is recorded at most this often. */
const USE_INTERVAL_MS = 60_000

export function createAuthenticate(adminToken: string, store: Store, now: () => number): Authenticate {
  const adminDigest = digestOf(adminToken)
  return async (request, access) => {
    if (access === 'public') return { kind: 'public' }
    // Node.js keeps the first of several. A proxy may have checked another one.
    if (request.raw.rawHeaders.filter((name, index) => index % 2 === 0 && /^authorization$/i.test(name)).length > 1)
      throw new ProblemError(400, 'Send `Authorization` once.')
    const bearer = bearerToken(request.headers.authorization, access)
    const digest = digestOf(bearer)
    if (access === 'agent') {
      const credential = bearer.startsWith(KEY_PREFIX)
        ? ({ kind: 'key', ...checkKey(await store.enrolment.findKey(digest), digest, now()) } as const)
        : ({ kind: 'token', ...checkToken(await store.access.findToken(digest), digest, now()) } as const)
      return { kind: 'agent', credential }
    }
    if (sameDigest(digest, adminDigest)) return { kind: 'admin' }
    if (!bearer.startsWith(ACCESS_PREFIX)) throw unauthorized(`Unknown token. Use ${usableTokens(access)}.`)
    const token = checkAccessToken(await store.accessTokens.find(digest), digest, now())
    if (token.last_used_at === null || token.last_used_at + USE_INTERVAL_MS <= now())
      // Not awaited: a lock of another process must not delay reads.
      store.accessTokens
        .use(token.id, now())
        .catch((error: unknown) => request.log.warn({ err: error }, 'use of an access token not recorded'))
    return { kind: 'access', token }
  }
}

/** Checks that a caller has one of the scopes of a route. @throws {ProblemError} 403 */
export function assertScope(caller: Caller, access: Access): void {
  if (
    caller.kind !== 'access' ||
    (Array.isArray(access) && access.some((scope) => caller.token.scopes.includes(scope)))
  )
    return
  const scopes = caller.token.scopes.map((scope) => `\`${scope}\``).join(', ')
  const detail = `The token \`${caller.token.name}\` has the scopes ${scopes}. This route requires ${usableTokens(access)}.`
  throw new ProblemError(403, detail, {
    headers: { 'www-authenticate': 'Bearer realm="rca", error="insufficient_scope"' },
  })
}

/** Creates a token `agent_<environment>_<256 random bits, base64url>`. It is shown once; only its digest is stored. */
export function createAgentToken(environment: string): { readonly token: string; readonly digest: string } {
  return withDigest(`agent_${environment}_`)
}

/** Creates a key `agentkey_<256 random bits, base64url>` of one agent. Only its digest is stored. */
export function createAgentKey(): { readonly key: string; readonly digest: string } {
  const { token: key, digest } = withDigest(KEY_PREFIX)
  return { key, digest }
}

/** Creates a token `access_<256 random bits, base64url>` of a person or program. Only its digest is stored. */
export function createAccessToken(): { readonly token: string; readonly digest: string } {
  return withDigest(ACCESS_PREFIX)
}

/** Returns the token or key of a request on an agent's route. */
export function credentialOf(request: FastifyRequest): Credential {
  if (request.caller.kind !== 'agent') throw new TypeError('The route is not declared with `access: agent`')
  return request.caller.credential
}

function withDigest(prefix: string): { readonly token: string; readonly digest: string } {
  const token = `${prefix}${randomBytes(32).toString('base64url')}`
  return { token, digest: digestOf(token) }
}

function bearerToken(header: string | undefined, access: Access): string {
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw unauthorized(`Send \`Authorization: Bearer <token>\` with ${usableTokens(access)}.`)
  return token
}

/** Names the tokens that open a route. */
function usableTokens(access: Access): string {
  if (access === 'agent') return 'an agent token'
  const admin = 'the admin token (`RCA_ADMIN_TOKEN` of the API)'
  if (!Array.isArray(access)) return admin
  return `an access token with the scope ${access.map((scope) => `\`${scope}\``).join(' or ')}, or ${admin}`
}

function checkToken(token: StoredToken | undefined, digest: string, now: number): StoredToken {
  if (token === undefined || !sameDigest(token.hash, digest))
    throw unauthorized('Unknown agent token. Use the token from the answer that provisioned the environment.')
  if (token.revoked_at !== null)
    throw unauthorized(
      'This agent token was revoked. Provision the environment again to get a new one.',
      `agent token ${token.id}`,
    )
  if (token.expires_at !== null && token.expires_at <= now)
    throw unauthorized('This agent token was rotated and has expired. Use the new one.', `agent token ${token.id}`)
  return token
}

function checkKey(key: StoredKey | undefined, digest: string, now: number): StoredKey {
  if (key === undefined || !sameDigest(key.hash, digest))
    throw unauthorized('Unknown agent key: it may have been replaced by a newer one. Enrol again with the token.')
  if (key.revoked_at !== null)
    throw unauthorized(
      'This agent was revoked. To let it in again, give it a token that is provisioned afterwards.',
      `agent key ${key.id}`,
    )
  if (key.expires_at <= now)
    throw unauthorized('This agent key has expired. Enrol again with the token.', `agent key ${key.id}`)
  return key
}

function checkAccessToken(token: AccessToken | undefined, digest: string, now: number): AccessToken {
  const remedy = 'Ask for another one.'
  if (token === undefined || !sameDigest(token.hash, digest)) throw unauthorized(`Unknown access token. ${remedy}`)
  const credential = `access token ${token.id} (${token.name})`
  if (token.revoked_at !== null) throw unauthorized(`This access token was revoked. ${remedy}`, credential)
  if (token.expires_at !== null && token.expires_at <= now)
    throw unauthorized(
      `This access token expired at ${new Date(token.expires_at).toISOString()}. ${remedy}`,
      credential,
    )
  return token
}

/** SHA-256, hexadecimal. A slow hash would add no protection to 256 random bits. */
function digestOf(token: string): string {
  return hash('sha256', token, 'hex')
}

/** Compares in constant time, so that the duration does not reveal where two digests differ. */
function sameDigest(left: string, right: string): boolean {
  const [leftBytes, rightBytes] = [Buffer.from(left), Buffer.from(right)]
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes)
}
