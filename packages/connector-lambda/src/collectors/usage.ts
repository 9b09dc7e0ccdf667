import { type Collector, type EntityReference, type Metric, metric, type Signals } from '@rca/core/connector'
import { METRIC_PERIOD_MS, type MetricQuery, type MetricSeries } from '../aws/aws-api.ts'
import type { LambdaClient } from '../lambda-client.ts'
import { counter, gauge } from '../metrics.ts'
import { functionSignals } from './functions.ts'

export const usageSignals = {
  invocations: counter('faas.invocations', '{invocation}', 'Successful invocations since the agent started.'),
  errors: counter('faas.errors', '{error}', 'Invocations that failed since the agent started.'),
  throttles: counter(
    'aws.lambda.throttles',
    '{request}',
    'Requests since the agent started that were refused because of a limit of concurrency. They are not invocations.',
  ),
  duration: metric({
    name: 'aws.lambda.duration',
    unit: 's',
    kind: 'gauge',
    description: 'Duration of the invocations of a minute.',
    attributes: { quantile: '`0.5`, `0.95`, `0.99`, or `1` for the longest.' },
  }),
  concurrency: gauge(
    'aws.lambda.concurrency.used',
    '{execution}',
    'Most executions at the same time in a minute, of a function or of the whole account in the region.',
  ),
  iteratorAge: gauge(
    'aws.lambda.iterator_age',
    's',
    'Age of the oldest record that was read from a stream in a minute.',
  ),
}

/** CloudWatch completes the data of a minute in this time. */
const DELAY_MS = 180_000

/** Period that is read first, and the longest that is read after failures. */
const FIRST_PERIOD_MS = 300_000
const MAX_PERIOD_MS = 3_600_000

const QUANTILES: Readonly<Record<string, string>> = { '0.5': 'p50', '0.95': 'p95', '0.99': 'p99', '1': 'Maximum' }

interface Totals {
  readonly invocations: number
  readonly errors: number
  readonly throttles: number
}

/** End of the last period, and sums since the start of the agent by ARN. */
interface Reading {
  readonly until: number
  readonly totals: ReadonlyMap<string, Totals>
}

/**
 * Usage of each function by CloudWatch, minute by minute. Functions that were neither invoked nor throttled cost two
 * queries, all others ten: AWS charges for each.
 */
export const usage: Collector<LambdaClient> = {
  interval: '5m',
  timeout: '50s',
  async collect(client, { signal, now, swapState }) {
    const functions = (await client.listFunctions({ signal, now })).filter(({ version }) => version === '$LATEST')
    const to = Math.floor((now().getTime() - DELAY_MS) / METRIC_PERIOD_MS) * METRIC_PERIOD_MS
    // Filled before the run ends.
    const totals = new Map<string, Totals>()
    const before = swapState<Reading>({ until: to, totals })
    const from = Math.max(before?.until ?? to - FIRST_PERIOD_MS, to - MAX_PERIOD_MS)
    const period = { from: new Date(from), to: new Date(to) }
    const read = async (queries: readonly MetricQuery[]): Promise<readonly MetricSeries[]> =>
      from < to ? client.aws.metricData(queries, period, signal) : []

    const first = await read([
      { metric: 'ConcurrentExecutions', functionName: undefined, statistic: 'Maximum' },
      ...functions.flatMap(({ name }) => [sumOf('Invocations', name), sumOf('Throttles', name)]),
    ])
    const active = new Set(
      first.filter(({ points }) => points.some(({ value }) => value > 0)).map(({ query }) => query.functionName),
    )
    const second = await read(functions.filter(({ name }) => active.has(name)).flatMap(({ name }) => detailsOf(name)))
    const all = [...first, ...second]
    const metrics: (Metric | undefined)[] = datedPoints(seriesOf(all, undefined, 'ConcurrentExecutions'), (value, at) =>
      usageSignals.concurrency.point(value, client.entity, {}, at),
    )
    for (const { name, functionArn } of functions) {
      const entity = functionSignals.function.reference(functionArn)
      const own = all.filter(({ query }) => query.functionName === name)
      let sums: Totals = before?.totals.get(functionArn) ?? { invocations: 0, errors: 0, throttles: 0 }
      // An idle function needs one point, an active one a point a minute: its rate would be that of the whole period.
      const step = active.has(name) ? METRIC_PERIOD_MS : to - from
      let end = from
      do {
        end = Math.min(to, end + step)
        sums = addSums(sums, own, { from: end - step, to: end })
        metrics.push(...countersOf(sums, entity, new Date(end)))
      } while (end < to)
      totals.set(functionArn, sums)
      metrics.push(...readingsOf(own, name, entity))
    }
    const problems = all.filter(({ problem }) => problem !== undefined)
    return { metrics, gaps: [problems.length === 0 ? undefined : gapOf(problems)] } satisfies Signals
  },
}

function sumOf(metricName: string, functionName: string): MetricQuery {
  return { metric: metricName, functionName, statistic: 'Sum' }
}

function detailsOf(functionName: string): MetricQuery[] {
  return [
    sumOf('Errors', functionName),
    ...Object.values(QUANTILES).map((statistic) => ({ metric: 'Duration', functionName, statistic })),
    { metric: 'ConcurrentExecutions', functionName, statistic: 'Maximum' },
    { metric: 'IteratorAge', functionName, statistic: 'Maximum' },
  ]
}

/** Adds the sums of a period, in milliseconds since 1970. Minutes without data had no invocations. */
function addSums(
  before: Totals,
  own: readonly MetricSeries[],
  { from, to }: { readonly from: number; readonly to: number },
): Totals {
  const sum = (metricName: string): number =>
    own
      .filter(({ query }) => query.metric === metricName)
      .flatMap(({ points }) => points)
      .filter(({ at }) => at.getTime() >= from && at.getTime() < to)
      .reduce((total, { value }) => total + value, 0)
  const errors = sum('Errors')
  return {
    // CloudWatch counts failed invocations as well.
    invocations: before.invocations + Math.max(0, sum('Invocations') - errors),
    errors: before.errors + errors,
    throttles: before.throttles + sum('Throttles'),
  }
}

function countersOf(
  { invocations, errors, throttles }: Totals,
  entity: EntityReference,
  at: Date,
): (Metric | undefined)[] {
  return [
    usageSignals.invocations.point(invocations, entity, {}, at),
    usageSignals.errors.point(errors, entity, {}, at),
    usageSignals.throttles.point(throttles, entity, {}, at),
  ]
}

function readingsOf(own: readonly MetricSeries[], name: string, entity: EntityReference): (Metric | undefined)[] {
  return [
    ...Object.entries(QUANTILES).flatMap(([quantile, statistic]) =>
      datedPoints(seriesOf(own, name, 'Duration', statistic), (value, at) =>
        usageSignals.duration.point(value / 1_000, entity, { quantile }, at),
      ),
    ),
    ...datedPoints(seriesOf(own, name, 'ConcurrentExecutions'), (value, at) =>
      usageSignals.concurrency.point(value, entity, {}, at),
    ),
    ...datedPoints(seriesOf(own, name, 'IteratorAge'), (value, at) =>
      usageSignals.iteratorAge.point(value / 1_000, entity, {}, at),
    ),
  ]
}

function seriesOf(
  all: readonly MetricSeries[],
  functionName: string | undefined,
  metricName: string,
  statistic?: string,
): MetricSeries | undefined {
  return all.find(
    ({ query }) =>
      query.functionName === functionName &&
      query.metric === metricName &&
      (statistic === undefined || query.statistic === statistic),
  )
}

/** Returns a point for each data point of a series, oldest first. */
function datedPoints(
  series: MetricSeries | undefined,
  toPoint: (value: number, at: Date) => Metric | undefined,
): (Metric | undefined)[] {
  return (series?.points ?? []).map(({ value, at }) => toPoint(value, at))
}

function gapOf(problems: readonly MetricSeries[]): { readonly scope: string; readonly reason: string } {
  const [first] = problems
  const name = first?.query.functionName ?? 'the account'
  return {
    scope: 'function:metrics',
    reason: `${problems.length} of the queries to CloudWatch are not complete, such as ${first?.query.metric} of ${name}: ${first?.problem}`,
  }
}
