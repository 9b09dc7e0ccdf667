import { duration, toMilliseconds } from '@rca/core'
import { LIMITS, metricSchema } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { invalid } from '../http/problem-error.ts'
import { AGGREGATES, type Aggregate } from '../store/queries.ts'
import type { Bucket, StoredSeries } from '../store/records.ts'
import { entityFilter, toReference } from './entity-filter.ts'
import { nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'
import { agentFilter, agentId, instant, instantParameter, named, problems } from './schemas.ts'

/** Attributes that one query can name. Each is a condition of the statement. */
const MOST_ATTRIBUTES = 16

/** Most points that one answer may hold. */
const MOST_POINTS = 200_000

/** Points a series where the request names no step. */
const USUAL_POINTS = 240

/** What is looked at where the request names no `from`, in milliseconds. */
const USUAL_RANGE = 3_600_000

const metricsQuery = z.strictObject({
  name: z.string().min(1).max(LIMITS.name).describe('Such as `system.cpu.utilization`.'),
  ...agentFilter,
  agent_id: agentId.optional(),
  ...entityFilter,
  attribute: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .pipe(z.array(z.string().regex(/^[^=]+=/, 'Write `name=value`, such as `cpu.mode=user`')).max(MOST_ATTRIBUTES))
    .refine(
      (given) => new Set(given.map((text) => splitAttribute(text)[0])).size === given.length,
      'Name an attribute once: it cannot have two values',
    )
    .optional()
    .describe(
      `\`name=value\`, such as \`cpu.mode=user\`. May be repeated, up to ${MOST_ATTRIBUTES} times: all must match.`,
    ),
  from: instantParameter.optional().describe('ISO 8601, inclusive. Default: one hour before `to`.'),
  to: instantParameter.optional().describe('ISO 8601, exclusive. Default: now.'),
  step: duration().optional().describe('Length of one bucket, such as `1m`. Default: what gives about 240 points.'),
  aggregate: z
    .enum(AGGREGATES)
    .default('avg')
    .describe(
      'How the values of one bucket become one. `rate`: growth of a counter per second, resets taken into account.',
    ),
  ...pageQuery(100, 500),
})

const pointsSchema = named(
  'Points',
  metricSchema.omit({ value: true }).extend({
    environment: z.string(),
    agent_id: z.string(),
    agent_type: z.string(),
    points: z
      .array(z.object({ at: instant.describe('Start of the bucket.'), value: z.number() }))
      .describe('In order of time. A bucket without values is left out.'),
  }),
)

/** Metric series over time, many points to one a bucket. */
export function addMetricRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'queryMetrics',
    summary: 'Read metric series over time',
    description: `One value a bucket; buckets start at whole multiples of \`step\` since 1970. At most ${MOST_POINTS} points (series × buckets) in one answer.`,
    tags: ['reading'],
    security: [{ admin: [] }],
    querystring: metricsQuery,
    success: 'Series with their points, and the range that was read.',
    response: {
      200: z.object({
        from: instant,
        to: instant,
        step_seconds: z.number(),
        aggregate: z.enum(AGGREGATES),
        series: z.array(pointsSchema),
        next_cursor: nextCursor,
      }),
      ...problems(422),
    },
  }
  app.get('/api/v1/metrics', { config: { access: 'admin' }, schema }, async (request) => {
    const { query } = request
    const { aggregate, environment, agent_id: agentId, agent_type: agentType, name } = query
    const range = toRange(query, now())
    const attributes = Object.fromEntries((query.attribute ?? []).map(splitAttribute))
    const page = toPageRequest(query, ['number'])
    const { items, next } = await store.signals.series({
      ...page,
      environment,
      agentId,
      agentType,
      name,
      attributes,
      entity: toReference(query.entity_type, query.entity_id),
      since: range.from,
    })
    refuseMany(range, items.length)
    if (aggregate === 'rate') refuseGauges(items)
    const buckets = await store.signals.points({ seriesIds: items.map(({ id }) => id), ...range, aggregate })
    return {
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      step_seconds: range.step / 1000,
      aggregate,
      series: toPoints(items, buckets, aggregate),
      next_cursor: toCursor(next),
    }
  })
}

/** The range in whole buckets' terms. @throws {ProblemError} 422 */
function toRange(query: z.output<typeof metricsQuery>, now: number): { from: number; to: number; step: number } {
  const to = query.to ?? now
  const from = query.from ?? to - USUAL_RANGE
  if (from >= to) throw invalid([{ pointer: '#/query/from', detail: 'It must be before `to`.' }])
  const step =
    query.step === undefined
      ? Math.max(1000, Math.ceil((to - from) / USUAL_POINTS / 1000) * 1000)
      : toMilliseconds(query.step)
  if (step < 1 || !Number.isSafeInteger(step))
    throw invalid([{ pointer: '#/query/step', detail: 'It must be at least 1ms.' }])
  const range = { from, to, step }
  refuseMany(range, 1)
  return range
}

/** @throws {ProblemError} 422 when the answer could hold more points than one answer may. */
function refuseMany({ from, to, step }: { from: number; to: number; step: number }, series: number): void {
  const points = Math.ceil((to - from) / step) * series
  if (points <= MOST_POINTS) return
  const detail = `That may be ${points} points, more than ${MOST_POINTS}. Choose a longer step, a shorter range or a smaller \`limit\`.`
  throw invalid([{ pointer: '#/query/step', detail }])
}

function splitAttribute(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

function refuseGauges(series: readonly StoredSeries[]): void {
  const gauge = series.find(({ kind }) => kind !== 'counter')
  if (gauge !== undefined)
    throw invalid([
      { pointer: '#/query/aggregate', detail: `\`rate\` is for counters, and \`${gauge.name}\` is a ${gauge.kind}.` },
    ])
}

function toPoints(
  series: readonly StoredSeries[],
  buckets: readonly Bucket[],
  aggregate: Aggregate,
): z.output<typeof pointsSchema>[] {
  const bySeries = Map.groupBy(buckets, (bucket) => bucket.seriesId)
  return series.map(({ id, environment, agentId, agentType, name, unit, kind, entity, attributes }) => ({
    environment,
    agent_id: agentId,
    agent_type: agentType,
    name,
    unit: aggregate === 'rate' ? `${unit}/s` : unit,
    kind: aggregate === 'rate' ? 'gauge' : kind,
    entity,
    attributes: attributes as z.output<typeof pointsSchema>['attributes'],
    points: (bySeries.get(id) ?? []).map(({ at, value }) => ({ at: new Date(at).toISOString(), value })),
  }))
}
