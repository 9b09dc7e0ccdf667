import type { FastifyRequest } from 'fastify'
import type { StoredToken } from '../store/records.ts'
import type { AccessStore } from '../store/store.ts'
import { digestOf, sameDigest } from './agent-token.ts'
import { unauthorized } from './problem-error.ts'

/** Who may call a route. A route that says nothing is for the admin. */
export type Access = 'public' | 'admin' | 'agent'

/** Who calls. */
export type Caller =
  | { readonly kind: 'public' }
  | { readonly kind: 'admin' }
  | { readonly kind: 'agent'; readonly token: StoredToken }

export interface AuthenticationOptions {
  readonly adminToken: string
  readonly access: Pick<AccessStore, 'findToken'>
  readonly now: () => number
}

/** Finds out who calls from `Authorization: Bearer …`. @throws {ProblemError} 401 */
export type Authenticate = (request: FastifyRequest, access: Access) => Promise<Caller>

export function createAuthenticate({ adminToken, access: tokens, now }: AuthenticationOptions): Authenticate {
  const adminDigest = digestOf(adminToken)
  return async (request, access) => {
    if (access === 'public') return { kind: 'public' }
    const digest = digestOf(bearerToken(request.headers.authorization, access))
    if (access === 'agent') return { kind: 'agent', token: checkToken(await tokens.findToken(digest), digest, now()) }
    if (!sameDigest(digest, adminDigest))
      throw unauthorized('This is not the admin token. It is what the API was started with as `RCA_ADMIN_TOKEN`.')
    return { kind: 'admin' }
  }
}

/** The token that the caller of an agent's route has proved to hold. */
export function tokenOf(request: FastifyRequest): StoredToken {
  if (request.caller.kind !== 'agent') throw new TypeError('The route is not declared with `access: agent`')
  return request.caller.token
}

function bearerToken(header: string | undefined, access: Access): string {
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1]
  if (token === undefined)
    throw unauthorized(`Send \`Authorization: Bearer <${access === 'agent' ? 'agent token' : 'admin token'}>\`.`)
  return token
}

function checkToken(token: StoredToken | undefined, digest: string, now: number): StoredToken {
  if (token === undefined || !sameDigest(token.hash, digest))
    throw unauthorized(
      'This agent token is not known. Use the one that the platform showed when the environment was provisioned.',
    )
  if (token.revokedAt !== undefined)
    throw unauthorized('This agent token was revoked. Provision the environment again to get a new one.')
  if (token.expiresAt !== undefined && token.expiresAt <= now)
    throw unauthorized('This agent token was rotated and has expired. Use the new one.')
  return token
}
