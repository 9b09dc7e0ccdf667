import { z } from 'zod'
import { type Entity, type Event, type Gap, METRIC_KINDS, type Metric, SEVERITIES } from '../connector/signals.ts'

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
} from '../connector/signals.ts'

/**
 * The wire between agent and platform: JSON, snake_case, checked on both sides by these schemas. Unknown fields are
 * ignored, so that an older platform understands a newer agent.
 *
 * `Authorization: Bearer <agent_token>` on every call; bodies above 1 KiB are sent with `Content-Encoding: gzip`.
 */

/** Paths of the calls that an agent makes, relative to the platform's URL. */
export const AGENT_PATHS = { data: '/api/v1/agent/data', heartbeat: '/api/v1/agent/heartbeat' } as const

/** Longest texts of signals, in UTF-16 code units. The agent's runtime leaves out or shortens what is longer; the platform refuses it. */
export const LIMITS = {
  name: 256,
  identifier: 1024,
  attribute: 32_768,
  element: 4096,
  elements: 256,
  body: 65_536,
  reason: 4096,
  unit: 64,
  relations: 4096,
} as const

/** Most signals of each kind in one report. */
export const REPORT_LIMITS = { entities: 100_000, metrics: 250_000, events: 50_000, gaps: 10_000 } as const

/** Names of signals, types and attributes. */
const name = z.string().min(1).max(LIMITS.name)
/** Identifiers of entities: container ids, mount points, paths. */
const identifier = z.string().min(1).max(LIMITS.identifier)
export const timestampSchema = z.iso.datetime().describe('ISO 8601, UTC.')
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
  .describe('Facts by name, named after the OpenTelemetry semantic conventions where they exist.')

/** Points at an entity. */
export const entityReferenceSchema = z.object({ type: name, id: identifier })

/** A thing that exists, or the notice that it is gone. */
export const entitySchema = z.object({
  type: name,
  id: identifier,
  name: z.string().max(LIMITS.identifier),
  attributes,
  relations: z.array(z.object({ type: name, target: entityReferenceSchema })).max(LIMITS.relations),
  deleted: z.literal(true).optional().describe('It no longer exists.'),
})

/** One point, with unit and kind. */
export const metricSchema = z.object({
  name,
  value: z.number(),
  unit: z.string().max(LIMITS.unit).describe('UCUM, as in OpenTelemetry: `1`, `s`, `By`, `{process}`.'),
  kind: z.enum(METRIC_KINDS),
  entity: entityReferenceSchema,
  attributes,
})

/** Something that happened. */
export const eventSchema = z.object({
  id: z.string().min(1).max(256).optional().describe('Stored once per agent.'),
  name,
  at: timestampSchema,
  severity: z.enum(SEVERITIES),
  entity: entityReferenceSchema,
  body: z.string().max(LIMITS.body),
  attributes,
})

/** Something that cannot be seen at the moment. */
export const gapSchema = z.object({ scope: identifier, reason: z.string().max(LIMITS.reason), since: timestampSchema })

const leadId = z
  .uuid()
  .optional()
  .describe(
    'UUIDv7, where several instances of an agent elect the one that reports: names the time for which this one leads.',
  )

/** Which part of what one round had to say a report is, where that was too large for one. */
export const partSchema = z.object({
  first: z.uuid().describe('`report_id` of the first part.'),
  number: z.int().nonnegative().max(10_000).describe('Counts the parts from 0.'),
  last: z.literal(true).optional().describe('No further part follows.'),
  snapshot: z
    .literal(true)
    .optional()
    .describe(
      'The `data.entities` of all parts hold everything the agent sees: once every part has arrived, what is absent from all no longer exists.',
    ),
})

/** Which of the instances of an agent reports. */
export const ROLES = ['leader', 'standby'] as const

/** What one round of collection has to say. */
export const reportSchema = z.object({
  report_id: z.uuid().describe('UUIDv7. A report is sent at least once and stored exactly once.'),
  agent_id: z.uuid().describe('Derived from what is watched: a redeployed agent keeps it.'),
  agent_type: name,
  agent_version: z.string().min(1).max(64),
  sequence: z.int().nonnegative().describe('Counts the reports of one run of the agent from 0, each part for itself.'),
  timestamp: timestampSchema,
  lead_id: leadId,
  snapshot: z
    .literal(true)
    .optional()
    .describe('`data.entities` holds everything the agent sees: what is absent no longer exists.'),
  part: partSchema
    .optional()
    .describe('Absent where the report is whole. `timestamp` and `data.gaps` are those of the whole.'),
  data: z.object({
    entities: z
      .array(entitySchema)
      .max(REPORT_LIMITS.entities)
      .describe('In full in a snapshot; otherwise what changed since the report before.'),
    metrics: z.array(metricSchema).max(REPORT_LIMITS.metrics),
    events: z.array(eventSchema).max(REPORT_LIMITS.events),
    gaps: z.array(gapSchema).max(REPORT_LIMITS.gaps),
  }),
})

/** Body of `POST /api/v1/agent/data`. */
export const dataRequestSchema = z.object({ reports: z.array(reportSchema).min(1).max(1000) })

/** Its answer, 202. */
export const dataResponseSchema = z.object({
  accepted: z.int().nonnegative().describe('Reports stored by this call.'),
  duplicates: z.int().nonnegative().describe('Reports that had been stored before.'),
})

/** How a collector’s last run went. Watchers stand here too, `connect` while the client is not open, and `election` while it fails. */
export const collectorStatusSchema = z.object({
  ok: z.boolean(),
  duration_ms: z
    .number()
    .nonnegative()
    .optional()
    .describe('How long the last run took. Watchers and `connect` have none.'),
  error: z.string().max(LIMITS.reason).optional(),
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
    .describe('What people call what is watched, such as the name of the host.'),
  started_at: timestampSchema,
  sequence: z.int().nonnegative().describe('Counts the heartbeats of one run of the agent from 0.'),
  interval_seconds: z
    .number()
    .positive()
    .max(86_400)
    .optional()
    .describe('When the next heartbeat is due, where the operator chose it.'),
  replaces_agent_id: z
    .uuid()
    .optional()
    .describe('The provisional id that the agent used before it could tell what it watches.'),
  instance_id: name
    .optional()
    .describe('Names this process, where several instances of an agent elect the one that reports.'),
  role: z
    .enum(ROLES)
    .optional()
    .describe('What this instance is now. What a standby says is kept apart from what the agent says.'),
  lead_id: leadId,
  collectors: z.record(name, collectorStatusSchema),
  outbox: z.object({
    reports: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    dropped: z.int().nonnegative().describe('Reports given up since the agent started.'),
    oldest_at: timestampSchema.optional(),
  }),
})

/** Its answer, 200. */
export const heartbeatResponseSchema = z.object({
  interval_seconds: z.number().positive().describe('When the next heartbeat is due.'),
  server_time: timestampSchema,
})

/** An error as the platform answers it. RFC 9457. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  errors: z
    .array(z.object({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe('One entry a field; `pointer` is a JSON Pointer as a URI fragment.'),
})

/** An {@link Entity} as it travels: possibly the notice that it is gone. */
export type ReportedEntity = Entity & { readonly deleted?: true }

/** What one round of collection has to say, on its way to the platform. */
export interface Report {
  readonly report_id: string
  readonly agent_id: string
  readonly agent_type: string
  readonly agent_version: string
  readonly sequence: number
  readonly timestamp: string
  readonly lead_id?: string
  readonly snapshot?: true
  readonly part?: z.output<typeof partSchema>
  readonly data: {
    readonly entities: readonly ReportedEntity[]
    readonly metrics: readonly Metric[]
    readonly events: readonly Event[]
    readonly gaps: readonly Gap[]
  }
}

/** What an instance of an agent is. */
export type Role = (typeof ROLES)[number]
/** Answer to reports. */
export type DataResponse = z.output<typeof dataResponseSchema>
/** How a collector is. */
export type CollectorStatus = z.output<typeof collectorStatusSchema>
/** What an agent says of itself. */
export type HeartbeatRequest = z.output<typeof heartbeatRequestSchema>
/** Answer to a heartbeat. */
export type HeartbeatResponse = z.output<typeof heartbeatResponseSchema>
/** An error as the platform answers it. */
export type Problem = z.output<typeof problemSchema>
