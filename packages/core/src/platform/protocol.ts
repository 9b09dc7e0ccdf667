import { z } from 'zod'
import {
  type Entity,
  type Event,
  type Gap,
  METRIC_KINDS,
  type Metric,
  SEVERITIES,
  type UnreadEntities,
} from '../connector/signals.ts'
import { identifier, LIMITS, name, replacesAgentId, timestampSchema } from './protocol-fields.ts'
import { MAX_SET_SERIES, type SeriesValues } from './series-sets.ts'

export {
  type Attributes,
  type Entity,
  type EntityReference,
  type Event,
  type Gap,
  type Metric,
  type MetricKind,
  type Relation,
  SEVERITIES,
  type Severity,
  type UnreadEntities,
} from '../connector/signals.ts'
export {
  type AccessQuery,
  type AccessResponse,
  type AgentKey,
  accessQuerySchema,
  accessResponseSchema,
  agentKeySchema,
  type EnrollRequest,
  enrollRequestSchema,
  KEY_PREFIX,
  type RotateKeyRequest,
  rotateKeyRequestSchema,
} from './enrolment-protocol.ts'
export { LIMITS, timestampSchema } from './protocol-fields.ts'
export {
  bySeriesSet,
  hashSeriesSet,
  type SeriesValues,
  seriesKeyOf,
  sortedAttributes,
  withSeriesValues,
} from './series-sets.ts'

/*
 * The wire protocol between agent and platform: JSON in snake_case, validated on both sides by these schemas. Unknown
 * fields are ignored, so that an older platform accepts a newer agent.
 *
 * Every call has `Authorization: Bearer …` with the token, or the key that the agent received in exchange for it.
 * Bodies above 1 KiB have `Content-Encoding: gzip`.
 */

/** Paths of an agent's calls, relative to the platform's URL. */
export const AGENT_PATHS = {
  data: '/api/v1/agent/data',
  heartbeat: '/api/v1/agent/heartbeat',
  enroll: '/api/v1/agent/enroll',
  rotateKey: '/api/v1/agent/key/rotate',
  access: '/api/v1/agent/access',
} as const

/** Maximum number of `snapshot_except`. */
export const MAX_SNAPSHOT_EXCEPTIONS = 1000

/** Maximum number of signals of each kind in one report. */
export const REPORT_LIMITS = { entities: 100_000, metrics: 250_000, events: 50_000, gaps: 10_000 } as const

const attributes = z
  .record(
    name,
    z.union([
      z.string().max(LIMITS.attribute),
      z.number(),
      z.boolean(),
      z.array(z.string().max(LIMITS.element)).max(LIMITS.elements),
    ]),
  )
  .refine((values) => Object.keys(values).length <= LIMITS.attributes, `Must have at most ${LIMITS.attributes} fields`)
  .refine(hasFewValues, `Must have at most ${LIMITS.values} values, with the elements of lists`)
  .describe(
    `Values by name, at most ${LIMITS.attributes}. Names follow the OpenTelemetry semantic conventions where they exist.`,
  )

/** Counts attributes, and the elements of their lists. */
export function hasFewValues(values: Readonly<Record<string, unknown>>): boolean {
  let count = 0
  for (const name in values) {
    const value = values[name]
    count += Array.isArray(value) ? 1 + value.length : 1
  }
  return count <= LIMITS.values
}

/** A reference to an entity. */
export const entityReferenceSchema = z.object({ type: name, id: identifier })

/** An entity, or the notice that it was deleted. */
export const entitySchema = z.object({
  type: name,
  id: identifier,
  name: z.string().max(LIMITS.identifier),
  attributes,
  relations: z.array(z.object({ type: name, target: entityReferenceSchema })).max(LIMITS.relations),
  deleted: z.literal(true).optional().describe('The entity no longer exists.'),
})

/** A point, with unit and kind. */
export const metricSchema = z.object({
  name,
  value: z.number(),
  at: timestampSchema
    .optional()
    .describe(
      'Time of the measurement by the clock of its source, ISO 8601, UTC. Absent for the `timestamp` of the report.',
    ),
  unit: z.string().max(LIMITS.unit).describe('UCUM, as in OpenTelemetry: `1`, `s`, `By`, `{process}`.'),
  kind: z.enum(METRIC_KINDS),
  entity: entityReferenceSchema,
  attributes,
})

/** Values of a set of series that the platform knows from points that the agent sent in full. */
export const seriesValuesSchema = z.object({
  series_set: z
    .string()
    .min(1)
    .max(64)
    .describe(
      'A set that the platform named in `series_sets`. If it no longer knows the set, it stores nothing and answers 409.',
    ),
  values: z
    .array(z.number())
    .min(1)
    .max(MAX_SET_SERIES)
    .describe('One value for each series, in the order of the points that were sent in full.'),
  at: timestampSchema
    .optional()
    .describe('Time of the measurements, ISO 8601, UTC. Absent for the `timestamp` of the report.'),
})

/** An event. */
export const eventSchema = z.object({
  id: z.string().min(1).max(256).optional().describe('Stored once per agent.'),
  name,
  at: timestampSchema,
  clock_offset_ms: z
    .number()
    .optional()
    .describe('Milliseconds by which the clock of `at` is ahead of the agent’s. Absent for the agent’s clock.'),
  severity: z.enum(SEVERITIES),
  entity: entityReferenceSchema,
  body: z.string().max(LIMITS.body),
  attributes,
})

/** A gap: something that cannot be seen at present, or could not until a time since the last report. */
export const gapSchema = z.object({
  scope: identifier,
  reason: z.string().max(LIMITS.reason),
  since: timestampSchema,
  until: timestampSchema
    .optional()
    .describe('End of a gap that began and ended between two reports. Absent for a gap that is open.'),
})

const leadId = z
  .uuid()
  .optional()
  .describe('UUIDv7 of the leader term, if several instances of an agent elect the one that reports.')

/** A part of what an agent watches: one entity, or all of a type. */
const unreadEntitiesSchema = z.object({ type: name, id: identifier.optional() })

const snapshotExcept = z.array(unreadEntitiesSchema).min(1).max(MAX_SNAPSHOT_EXCEPTIONS).optional()

/** The position of a part, if one collection cycle needed several reports. */
export const partSchema = z.object({
  first: z.uuid().describe('`report_id` of the first part.'),
  number: z.int().nonnegative().max(10_000).describe('Counts the parts from 0.'),
  last: z.literal(true).optional().describe('No further part follows.'),
  snapshot: z
    .literal(true)
    .optional()
    .describe(
      'The `data.entities` of all parts together hold everything the agent sees: once all parts have arrived, an entity that none of them holds no longer exists.',
    ),
  snapshot_except: snapshotExcept.describe('As `snapshot`, except for these entities, as in a whole report.'),
})

/** Roles of an agent's instances: the leader reports. */
export const ROLES = ['leader', 'standby'] as const

/** The signals of one collection cycle. */
export const reportSchema = z.object({
  report_id: z.uuid().describe('UUIDv7. A report is sent at least once and stored exactly once.'),
  agent_id: z.uuid().describe('Derived from what the agent watches: a redeployed agent keeps it.'),
  agent_type: name,
  agent_version: z.string().min(1).max(64),
  sequence: z.int().nonnegative().describe('Number of the report since the agent started, from 0. Each part counts.'),
  timestamp: timestampSchema,
  lead_id: leadId,
  snapshot: z
    .literal(true)
    .optional()
    .describe('`data.entities` holds everything the agent sees: an absent entity no longer exists.'),
  snapshot_except: snapshotExcept.describe(
    'As `snapshot`, except that these entities, or all of a type without `id`, could not be read: they and those with a relation to them, at any distance, may exist.',
  ),
  part: partSchema
    .optional()
    .describe('Absent if the report is whole. All parts have the same `timestamp` and `data.gaps`.'),
  data: z.object({
    entities: z
      .array(entitySchema)
      .max(REPORT_LIMITS.entities)
      .describe('All entities in a snapshot; otherwise those that changed since the previous report.'),
    metrics: z
      .array(z.union([metricSchema, seriesValuesSchema]))
      .max(REPORT_LIMITS.metrics)
      .describe('Points in full, and values of sets of series that the platform knows.'),
    events: z.array(eventSchema).max(REPORT_LIMITS.events),
    gaps: z.array(gapSchema).max(REPORT_LIMITS.gaps),
  }),
})

/** Body of `POST /api/v1/agent/data`. */
export const dataRequestSchema = z.object({
  reports: z.array(reportSchema).min(1).max(1000),
  series_sets: z
    .literal(true)
    .optional()
    .describe('Asks for `series_sets` in the response. For agents that send values of sets of series.'),
})

/** Maximum number of sets in one response. */
export const MAX_NAMED_SETS = 1000

/** Response 202 of `POST /api/v1/agent/data`. */
export const dataResponseSchema = z.object({
  accepted: z.int().nonnegative().describe('Reports stored by this call.'),
  duplicates: z.int().nonnegative().describe('Reports that were stored already.'),
  series_sets: z
    .array(z.string().max(64))
    .max(MAX_NAMED_SETS)
    .optional()
    .describe(
      `Sets of series of the points that were sent in full, if the request asked for them. A set holds the series of at most ${MAX_SET_SERIES} points of one entity and time that follow each other. Its name is a hash of them: see \`hashSeriesSet\` of \`@rca/core/protocol\`. From now on, the agent may send their values alone.`,
    ),
})

/** Status of a collector, a watcher, of `connect` without an open client, or of a failing `election`. */
export const collectorStatusSchema = z.object({
  ok: z.boolean(),
  duration_ms: z
    .number()
    .nonnegative()
    .optional()
    .describe('Duration of the last run. Absent for watchers, `connect` and `election`.'),
  error: z.string().max(LIMITS.reason).optional(),
  ended: z
    .literal(true)
    .optional()
    .describe('The watcher has returned: it emits nothing until the agent starts again.'),
})

/** The npm package of a connector. */
export const connectorOriginSchema = z.object({
  package: identifier,
  version: name.describe('Version of the package, as in its package.json.'),
})

/** Body of `POST /api/v1/agent/heartbeat`. */
export const heartbeatRequestSchema = z.object({
  agent_id: z.uuid(),
  agent_type: name,
  agent_version: z.string().min(1).max(64),
  agent_name: z
    .string()
    .max(LIMITS.identifier)
    .optional()
    .describe('Display name of what the agent watches, such as the host name.'),
  connector: connectorOriginSchema
    .optional()
    .describe('Package of the connector. Absent if the agent does not know it, such as one of an earlier version.'),
  started_at: timestampSchema,
  sequence: z.int().nonnegative().describe('Number of the heartbeat since the agent started, from 0.'),
  interval_seconds: z
    .number()
    .positive()
    .max(86_400)
    .optional()
    .describe('Seconds until the next heartbeat, if the operator configured them.'),
  report_interval_seconds: z
    .number()
    .positive()
    .max(86_400)
    .optional()
    .describe('Seconds between two reports. The platform notices by them that no reports arrive.'),
  replaces_agent_id: replacesAgentId,
  instance_id: name
    .optional()
    .describe(
      'Name of this process. With `role`, it is one of several instances that elect a leader. Without `role`, names that take turns reveal a cloned machine.',
    ),
  role: z
    .enum(ROLES)
    .optional()
    .describe('Current role of this instance. The status of a standby is kept apart from that of the agent.'),
  lead_id: leadId,
  collectors: z
    .record(name, collectorStatusSchema)
    .refine(
      (collectors) => Object.keys(collectors).length <= LIMITS.collectors,
      `Must have at most ${LIMITS.collectors} fields`,
    )
    .describe(`Collectors and watchers by name, at most ${LIMITS.collectors}.`),
  outbox: z.object({
    reports: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    dropped: z.int().nonnegative().describe('Reports dropped since the agent started.'),
    oldest_at: timestampSchema.optional(),
  }),
})

/** Response 200 of `POST /api/v1/agent/heartbeat`. */
export const heartbeatResponseSchema = z.object({
  interval_seconds: z.number().positive().describe('Seconds until the next heartbeat.'),
  server_time: timestampSchema,
  rotate_key: z.literal(true).optional().describe('Most of the life of the agent’s key is over: replace it.'),
  warning: z.string().max(8192).optional().describe('A problem for the operator, which the agent logs.'),
})

/** The platform's error response, RFC 9457. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  errors: z
    .array(z.object({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe('One entry per field; `pointer` is a JSON Pointer as a URI fragment.'),
})

/** An {@link Entity} in a report, or the notice that it was deleted. */
export type ReportedEntity = Entity & { readonly deleted?: true }

/** The signals of one collection cycle, in their wire format. */
export interface Report {
  readonly report_id: string
  readonly agent_id: string
  readonly agent_type: string
  readonly agent_version: string
  readonly sequence: number
  readonly timestamp: string
  readonly lead_id?: string
  readonly snapshot?: true
  readonly snapshot_except?: readonly UnreadEntities[]
  readonly part?: z.output<typeof partSchema>
  readonly data: {
    readonly entities: readonly ReportedEntity[]
    readonly metrics: readonly Metric[]
    readonly events: readonly Event[]
    readonly gaps: readonly Gap[]
  }
}

/** A report as the platform receives it. */
export type ReceivedReport = Omit<Report, 'data'> & {
  readonly data: Omit<Report['data'], 'metrics'> & { readonly metrics: readonly (Metric | SeriesValues)[] }
}

/** Role of an agent's instance. */
export type Role = (typeof ROLES)[number]
/** Response to reports. */
export type DataResponse = z.output<typeof dataResponseSchema>
/** Status of a collector, watcher, connection or election. */
export type CollectorStatus = z.output<typeof collectorStatusSchema>
/** The npm package of a connector. */
export type ConnectorOrigin = Readonly<z.output<typeof connectorOriginSchema>>
/** A heartbeat. */
export type HeartbeatRequest = z.output<typeof heartbeatRequestSchema>
/** Response to a heartbeat. */
export type HeartbeatResponse = z.output<typeof heartbeatResponseSchema>
/** The platform's error response. */
export type Problem = z.output<typeof problemSchema>
