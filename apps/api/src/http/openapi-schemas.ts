import { problemSchema } from '@rca/core/protocol'
import { z } from 'zod'

/** Schemas that appear under a name of their own in the OpenAPI document. */
export const schemaRegistry: z.core.$ZodRegistry<{ id: string }> = z.registry<{ id: string }>()

/** Example bodies by the name of their schema. */
export const examples: Map<string, unknown> = new Map()

/** Names a schema in the OpenAPI document and gives bodies of this schema an example. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema, example?: z.input<Schema>): Schema {
  schemaRegistry.add(schema, { id })
  if (example !== undefined) examples.set(id, example)
  return schema
}

named('Problem', problemSchema)

const problemContent = { 'application/problem+json': { schema: problemSchema } }

/** The problems that routes answer with: when, and an example. */
export const PROBLEMS = {
  400: {
    description: 'The body is not JSON or not gzip, or is nested too deeply.',
    detail: 'The body is not valid JSON: line 2, column 15 (position 16) is unexpected.',
  },
  401: {
    description: 'The token is missing, unknown, expired or revoked, or of another kind.',
    detail: 'This access token was revoked. Ask for another one.',
  },
  403: {
    description:
      'The token is valid, and lacks the scope of the route or is limited to other environments or another type of agent. Or the key is for another agent.',
    detail: 'This token is for agents of type `server`.',
    pointer: '#/reports/0/agent_type',
  },
  404: {
    description: 'The object does not exist.',
    detail: 'The environment `prod-cluster-1` does not exist. Provision an agent for it first.',
  },
  408: { description: 'The body did not arrive in time.', detail: 'The body did not arrive in time. Send it again.' },
  409: {
    description: 'The agent id exists in several environments, or the name is in use.',
    detail:
      'This agent id exists in several environments: `prod` (server), `test` (server). Choose with `?environment=`.',
  },
  413: {
    description: 'The body is too large, or its gzip is too dense.',
    detail: 'The body is larger than 8388608 bytes (sent). Send a smaller one.',
  },
  415: {
    description: 'The body is neither JSON nor gzipped JSON.',
    detail: 'The body must be JSON: send `Content-Type: application/json`.',
  },
  416: {
    description: 'The range begins after the end of the file.',
    detail: 'The range begins after the end of the content, which has 1024 bytes.',
  },
  422: {
    description: 'A field is invalid. Nothing was written.',
    detail: 'This field is required and must be a string.',
    pointer: '#/environment_name',
  },
  429: {
    description: 'Too many requests. Retry after `Retry-After`.',
    detail: 'More than 6000 requests in a minute. Try again later.',
  },
  500: {
    description: 'Internal error. The log of the platform has the cause.',
    detail: 'Internal error. The log of the platform has the cause.',
  },
  503: {
    description: 'The platform is overloaded, or its store cannot be used. Retry after `Retry-After`.',
    detail: 'The platform is taking as many requests as it can. Try again later.',
  },
} as const satisfies Record<number, { description: string; detail: string; pointer?: string }>

type ProblemStatus = keyof typeof PROBLEMS
type ProblemResponse = { readonly description: string; readonly content: typeof problemContent }

/** Declares the problems of a route. 401, 403, 429 and 503 are possible on every route that requires a token. */
export function problems<Status extends ProblemStatus>(
  ...statuses: Status[]
): Record<Status | 401 | 403 | 429 | 503, ProblemResponse> {
  const all = new Set<ProblemStatus>([401, 403, 429, 503, ...statuses])
  return Object.fromEntries(
    [...all].map((status) => [status, { description: PROBLEMS[status].description, content: problemContent }]),
  ) as Record<Status | 401 | 403 | 429 | 503, ProblemResponse>
}
