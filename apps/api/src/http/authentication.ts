import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { KEY_PREFIX } from '@rca/core/protocol'
import type { FastifyRequest } from 'fastify'
import type { Credential, StoredKey, StoredToken } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { ProblemError, unauthorized } from './problem-error.ts'

/** The token that a route requires. A route that declares none requires the admin's. */
export type Access = 'public' | 'admin' | 'agent'

/** The authenticated sender of a request. */
export type Caller =
  | { readonly kind: 'public' }
  | { readonly kind: 'admin' }
  | { readonly kind: 'agent'; readonly credential: Credential }

/** Authenticates a request by its `Authorization: Bearer …`. @throws {ProblemError} 400, 401 */
export type Authenticate = (request: FastifyRequest, access: Access) => Promise<Caller>

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
    if (!sameDigest(digest, adminDigest))
      throw unauthorized(
        'This is not the admin token. Use the value of `RCA_ADMIN_TOKEN` with which the API was started.',
      )
    return { kind: 'admin' }
  }
}

/** Creates a token `agent_<environment>_<256 random bits, base64url>`. It is shown once; only its digest is stored. */
export function createAgentToken(environment: string): { readonly token: string; readonly digest: string } {
  const token = `agent_${environment}_${randomBytes(32).toString('base64url')}`
  return { token, digest: digestOf(token) }
}

/** Creates a key `agentkey_<256 random bits, base64url>` of one agent. Only its digest is stored. */
export function createAgentKey(): { readonly key: string; readonly digest: string } {
  const key = `${KEY_PREFIX}${randomBytes(32).toString('base64url')}`
  return { key, digest: digestOf(key) }
}

/** Returns the token or key of a request on an agent's route. */
export function credentialOf(request: FastifyRequest): Credential {
  if (request.caller.kind !== 'agent') throw new TypeError('The route is not declared with `access: agent`')
  return request.caller.credential
}

function bearerToken(header: string | undefined, access: Access): string {
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1]
  if (token === undefined)
    throw unauthorized(`Send \`Authorization: Bearer <${access === 'agent' ? 'agent token' : 'admin token'}>\`.`)
  return token
}

function checkToken(token: StoredToken | undefined, digest: string, now: number): StoredToken {
  if (token === undefined || !sameDigest(token.hash, digest))
    throw unauthorized('Unknown agent token. Use the token from the answer that provisioned the environment.')
  if (token.revoked_at !== null)
    throw unauthorized('This agent token was revoked. Provision the environment again to get a new one.')
  if (token.expires_at !== null && token.expires_at <= now)
    throw unauthorized('This agent token was rotated and has expired. Use the new one.')
  return token
}

function checkKey(key: StoredKey | undefined, digest: string, now: number): StoredKey {
  if (key === undefined || !sameDigest(key.hash, digest))
    throw unauthorized('Unknown agent key: it may have been replaced by a newer one. Enrol again with the token.')
  if (key.revoked_at !== null)
    throw unauthorized('This agent was revoked. To let it in again, give it a token that is provisioned afterwards.')
  if (key.expires_at <= now) throw unauthorized('This agent key has expired. Enrol again with the token.')
  return key
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
