import {
  collectorStatusSchema,
  dataRequestSchema,
  dataResponseSchema,
  entityReferenceSchema,
  entitySchema,
  eventSchema,
  gapSchema,
  heartbeatRequestSchema,
  heartbeatResponseSchema,
  LIMITS,
  metricSchema,
  partSchema,
  problemSchema,
  reportSchema,
  SEVERITIES,
} from '@rca/core/protocol'
import { z } from 'zod'
import { ENVIRONMENT_PATTERN } from '../http/agent-token.ts'

/** Schemas that stand under their own name in the OpenAPI document. */
export const schemaRegistry: z.core.$ZodRegistry<{ id: string }> = z.registry<{ id: string }>()

for (const [id, schema] of Object.entries({
  CollectorStatus: collectorStatusSchema,
  DataRequest: dataRequestSchema,
  DataResponse: dataResponseSchema,
  EntityReference: entityReferenceSchema,
  ReportedEntity: entitySchema,
  ReportedEvent: eventSchema,
  ReportedGap: gapSchema,
  HeartbeatRequest: heartbeatRequestSchema,
  HeartbeatResponse: heartbeatResponseSchema,
  ReportedMetric: metricSchema,
  ReportPart: partSchema,
  Problem: problemSchema,
  Report: reportSchema,
})) {
  schemaRegistry.add(schema, { id })
}

/** Gives a schema a name in the OpenAPI document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  schemaRegistry.add(schema, { id })
  return schema
}

export const environmentName = z
  .string()
  .regex(ENVIRONMENT_PATTERN, 'Use letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 63')
  .describe('Letters, digits, `.`, `_` and `-`, at most 63, such as `prod-cluster-1`.')
export const agentType = z.string().min(1).max(LIMITS.name).describe('Such as `docker`, `kubernetes` or `server`.')
export const agentId = z.uuid().transform((id) => id.toLowerCase())
export const instant = z.iso.datetime().describe('ISO 8601, UTC.')
export const severity = z.enum(SEVERITIES)

/** A moment in a query, in milliseconds once it is read. */
export const instantParameter = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

/** What narrows a list to some agents. */
export const agentFilter = {
  environment: environmentName.optional(),
  agent_type: agentType.optional(),
}

const problemContent = { 'application/problem+json': { schema: problemSchema } }

/** When a status is answered. */
const PROBLEMS = {
  400: 'The body is no JSON, no gzip, or nested too deeply.',
  401: 'No token, or not the one for this route.',
  403: 'The token is for another type of agent.',
  404: 'There is no such thing.',
  408: 'The body did not arrive in time.',
  409: 'The agent id is known in several environments.',
  413: 'The body is too large, or its gzip is too dense.',
  415: 'The body is neither JSON nor gzipped JSON.',
  422: 'A field is wrong. Nothing was written.',
  429: 'Too many requests. `Retry-After` says when to come back.',
  500: 'The platform failed. Its log says why.',
  503: 'The platform is too busy, or its store cannot be used. `Retry-After` says when to come back.',
} as const

type ProblemStatus = keyof typeof PROBLEMS
type ProblemResponse = { readonly description: string; readonly content: typeof problemContent }

/** What a route answers beside its success. 401, 429 and 503 are possible on all that need a token. */
export function problems<Status extends ProblemStatus>(
  ...statuses: Status[]
): Record<Status | 401 | 429 | 503, ProblemResponse> {
  const all = new Set<ProblemStatus>([401, 429, 503, ...statuses])
  return Object.fromEntries(
    [...all].map((status) => [status, { description: PROBLEMS[status], content: problemContent }]),
  ) as Record<Status | 401 | 429 | 503, ProblemResponse>
}
