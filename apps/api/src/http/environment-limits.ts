import type { FastifyRequest } from 'fastify'
import { ProblemError, pointerTo } from './problem-error.ts'

/**
 * The part of a request that names its environment. `any`: the answer is the same for all environments, or the handler
 * itself looks at the limits of the token.
 */
export type EnvironmentPlace = 'path' | 'query' | 'body' | 'any'

/** Path, query and field of the body in which routes name an environment. */
interface Named {
  readonly params: { readonly name?: string }
  readonly query: { environment?: string | readonly string[] }
  readonly body: { readonly environment_name?: string } | null | undefined
}

/**
 * Holds a token that is limited to environments to these. A query without an environment becomes a query of these. A
 * route that does not declare where the environment is refuses such tokens.
 *
 * @throws {ProblemError} 403
 */
export function limitEnvironments(request: FastifyRequest): void {
  const { caller } = request
  const allowed = caller.kind === 'access' ? caller.token.environments : null
  const place = request.routeOptions.config.environment
  if (allowed === null || place === 'any') return
  const { params, query, body } = request as unknown as Named
  const names = allowed.map((name) => `\`${name}\``).join(', ')
  if (place === undefined)
    throw new ProblemError(403, `This token is limited to environments: ${names}. This route is about all of them.`)
  if (place === 'query') query.environment ??= allowed
  const given = { path: params.name, query: query.environment, body: body?.environment_name }[place]
  if (given === allowed || (typeof given === 'string' && allowed.includes(given))) return
  const detail = `This token is limited to environments: ${names}.`
  throw new ProblemError(403, detail, { errors: [{ pointer: POINTERS[place], detail }] })
}

const POINTERS = {
  path: pointerTo(['path', 'name']),
  query: pointerTo(['query', 'environment']),
  body: pointerTo(['environment_name']),
} as const
