import { Readable } from 'node:stream'
import { createTimeSlice, duration, toMilliseconds } from '@rca/core'
import { LIMITS, metricSchema } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { invalid } from '../http/problem-error.ts'
import type { BucketValues, StoredSeries } from '../store/records.ts'
import { AGGREGATES } from '../store/store.ts'
import { agentFilter, agentId, entityFilter, instant, instantParameter, toInstant } from './fields.ts'
import { MAY_END_EARLY, nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

/** Each attribute is a condition of the statement. */
const MAX_ATTRIBUTES = 16

const MAX_POINTS = 200_000

/** Characters of a part of the answer. */
const PART_LENGTH = 32_768

/** Points per series without a `step`. */
const DEFAULT_POINTS = 240

/** Range without a `from`. */
const DEFAULT_RANGE_MS = 3_600_000

const metricsQuery = z.strictObject({
  name: z.string().min(1).max(LIMITS.name).describe('Such as `system.cpu.utilization`.'),
  ...agentFilter,
  agent_id: agentId.optional(),
  ...entityFilter,
  attribute: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .pipe(z.array(z.string().regex(/^[^=]+=/, 'Write `name=value`, such as `cpu.mode=user`')).max(MAX_ATTRIBUTES))
    .refine(
      (given) => new Set(given.map((text) => splitAttribute(text)[0])).size === given.length,
      'Name each attribute once: it cannot have two values',
    )
    .optional()
    .describe(
      `\`name=value\`, such as \`cpu.mode=user\`. May be repeated, up to ${MAX_ATTRIBUTES} times; all must match.`,
    ),
  from: instantParameter.optional().describe('ISO 8601, inclusive. Default: one hour before `to`.'),
  to: instantParameter.optional().describe('ISO 8601, exclusive. Default: now.'),
  step: duration().optional().describe('Length of one bucket, such as `1m`. Default: about 240 buckets.'),
  aggregate: z
    .enum(AGGREGATES)
    .default('avg')
    .describe('Combines the values of one bucket. `rate`: increase of a counter per second, accounting for resets.'),
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
      .describe('Sorted by time. Buckets without values are left out.'),
  }),
)

/** Answer to a query of metrics. */
export const metricsAnswer = z.object({
  from: instant,
  to: instant,
  step_seconds: z.number(),
  aggregate: z.enum(AGGREGATES),
  scanned: z
    .object({ points: z.int(), max_points: z.int().describe('`RCA_MAX_POINTS_SCANNED`.') })
    .describe('Stored points that were read for the answer, and their maximum.'),
  series: z.array(pointsSchema),
  next_cursor: nextCursor,
})

/** Reads metric series over time, downsampled to one value per bucket. */
export function addMetricRoute(app: App, { store, now }: Context): void {
  const schema = {
    operationId: 'queryMetrics',
    summary: 'Read metric series over time',
    description: `Returns one value per bucket; buckets start at multiples of \`step\` since 1970. At most ${MAX_POINTS} points (series × buckets) per response. ${MAY_END_EARLY}`,
    tags: ['reading'],
    querystring: metricsQuery,
    success: 'Series with their points, and the range of the query.',
    response: { 200: metricsAnswer, ...problems(422) },
  }
  const config = { access: ['read'], environment: 'query', reads: true } as const
  app.get('/api/v1/metrics', { config, schema }, async (request, reply) => {
    const { query, reading } = request
    const { aggregate } = query
    const range = toRange(query, now())
    const attributes = Object.fromEntries((query.attribute ?? []).map(splitAttribute))
    const filter = { ...query, attributes, since: range.from }
    const { items, next } = await store.signals.series(filter, toPageRequest(query, ['number', 'number']), reading)
    checkPointLimit(range, items.length)
    if (aggregate === 'rate') checkCounters(items)
    const seriesIds = items.map(({ id }) => id)
    const values = await store.signals.points({ seriesIds, ...range, aggregate }, reading)
    const head = {
      from: toInstant(range.from),
      to: toInstant(range.to),
      step_seconds: range.step / 1000,
      aggregate,
      scanned: { points: reading.points, max_points: reading.maxPoints },
      next_cursor: toCursor(next),
    }
    reply.type('application/json; charset=utf-8')
    return reply.send(Readable.from(writeAnswer(head, items, values)) as never)
  })
}

/** Fills in the defaults of the range. @throws {ProblemError} 422 */
function toRange(query: z.output<typeof metricsQuery>, now: number): { from: number; to: number; step: number } {
  const to = query.to ?? now
  const from = query.from ?? to - DEFAULT_RANGE_MS
  if (from >= to) throw invalid([{ pointer: '#/query/from', detail: 'Must be before `to`.' }])
  const step =
    query.step === undefined
      ? Math.max(1000, Math.ceil((to - from) / DEFAULT_POINTS / 1000) * 1000)
      : toMilliseconds(query.step)
  if (step < 1 || !Number.isSafeInteger(step))
    throw invalid([{ pointer: '#/query/step', detail: 'Must be at least 1ms.' }])
  const range = { from, to, step }
  checkPointLimit(range, 1)
  return range
}

/** @throws {ProblemError} 422 when the response could exceed the maximum number of points. */
function checkPointLimit({ from, to, step }: { from: number; to: number; step: number }, series: number): void {
  const points = Math.ceil((to - from) / step) * series
  if (points <= MAX_POINTS) return
  const detail = `The response may have ${points} points; the maximum is ${MAX_POINTS}. Choose a longer step, a shorter range or a smaller \`limit\`.`
  throw invalid([{ pointer: '#/query/step', detail }])
}

function splitAttribute(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

function checkCounters(series: readonly StoredSeries[]): void {
  const gauge = series.find(({ kind }) => kind !== 'counter')
  if (gauge !== undefined)
    throw invalid([
      { pointer: '#/query/aggregate', detail: `\`rate\` requires counters; \`${gauge.name}\` is a ${gauge.kind}.` },
    ])
}

/** Writes the answer as JSON, in parts and in time slices: it may have very many points. */
async function* writeAnswer(
  head: Omit<z.output<typeof metricsAnswer>, 'series'>,
  series: readonly StoredSeries[],
  values: ReadonlyMap<number, readonly BucketValues[]>,
): AsyncGenerator<string> {
  const slice = createTimeSlice()
  const instants = new Map<number, string>()
  /** Series have the same buckets, mostly. */
  const toText = (at: number): string => {
    const known = instants.get(at)
    if (known !== undefined) return known
    const text = toInstant(at)
    if (series.length > 1) instants.set(at, text)
    return text
  }
  let text = `${JSON.stringify(head).slice(0, -1)},"series":[`
  for (const [index, each] of series.entries()) {
    const fields = JSON.stringify(toSeries(each, head.aggregate === 'rate')).slice(0, -1)
    text += `${index === 0 ? '' : ','}${fields},"points":[`
    let separator = ''
    for (const { at, values: numbers } of values.get(each.id) ?? []) {
      for (const [position, value] of numbers.entries()) {
        text += `${separator}{"at":"${toText(at[position] ?? 0)}","value":${value}}`
        separator = ','
        if (text.length < PART_LENGTH) continue
        yield text
        text = ''
        if (slice.isOver()) await slice.next()
      }
    }
    text += ']}'
  }
  yield `${text}]}`
}

function toSeries(
  { environment, agent_id, agent_type, name, unit, kind, entity_type, entity_id, attributes }: StoredSeries,
  isRate: boolean,
): Omit<z.output<typeof pointsSchema>, 'points'> {
  return {
    environment,
    agent_id,
    agent_type,
    name,
    unit: isRate ? `${unit}/s` : unit,
    kind: isRate ? 'gauge' : kind,
    entity: { type: entity_type, id: entity_id },
    attributes: attributes as z.output<typeof pointsSchema>['attributes'],
  }
}
