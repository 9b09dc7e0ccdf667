import { collectContext, manualClock, pointsOf, runCollector } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { arn, awsServer, functionItem, type Region, refusal } from '../../test/aws-server.ts'
import { openClient } from '../../test/open-client.ts'
import { usage } from './usage.ts'

const at = (minute: number): string => `2026-11-30T10:${String(minute).padStart(2, '0')}:00.000Z`

const points: Region['points'] = {
  'ConcurrentExecutions//Maximum': [[at(6), 12]],
  'Invocations/orders/Sum': [
    [at(5), 4],
    [at(6), 6],
    [at(11), 5],
  ],
  'Errors/orders/Sum': [
    [at(5), 1],
    [at(6), 0],
  ],
  'Throttles/orders/Sum': [[at(6), 3]],
  'Duration/orders/p50': [[at(6), 120]],
  'Duration/orders/p95': [[at(6), 300]],
  'Duration/orders/p99': [[at(6), 900]],
  'Duration/orders/Maximum': [
    [at(5), 2_000],
    [at(6), 1_000],
  ],
  'ConcurrentExecutions/orders/Maximum': [[at(6), 2]],
  'IteratorAge/orders/Maximum': [[at(6), 45_000]],
}

const clockAt = (time: string) => manualClock(new Date(time))

test('adds sums up, and reports quantiles in seconds', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const server = await awsServer({ functions: [functionItem('orders'), functionItem('idle')], points, pageSize: 4 })
  const client = await openClient(server)
  const context = collectContext({ now: clock.now })
  const first = await runCollector(usage, client, context)
  expect(pointsOf(first, arn('orders'))).toEqual({
    'faas.invocations{}': 9,
    'faas.errors{}': 1,
    'aws.lambda.throttles{}': 3,
    'aws.lambda.duration{quantile=0.5}': 0.12,
    'aws.lambda.duration{quantile=0.95}': 0.3,
    'aws.lambda.duration{quantile=0.99}': 0.9,
    'aws.lambda.duration{quantile=1}': 1,
    'aws.lambda.concurrency.used{}': 2,
    'aws.lambda.iterator_age{}': 45,
  })
  expect(pointsOf(first, arn('idle'))).toEqual({
    'faas.invocations{}': 0,
    'faas.errors{}': 0,
    'aws.lambda.throttles{}': 0,
  })
  expect(pointsOf(first, client.entity.id)).toEqual({ 'aws.lambda.concurrency.used{}': 12 })
  clock.advance('5m')
  const second = await runCollector(usage, client, context)
  expect(pointsOf(second, arn('orders'))).toEqual({
    'faas.invocations{}': 14,
    'faas.errors{}': 1,
    'aws.lambda.throttles{}': 3,
  })
})

test('dates each point by CloudWatch, and the sums by the end of their minute', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const server = await awsServer({ functions: [functionItem('orders'), functionItem('idle')], points })
  const { metrics = [] } = await runCollector(usage, await openClient(server), collectContext({ now: clock.now }))
  const valuesOf = (wanted: string, id: string, quantile?: string) =>
    metrics
      .filter((metric) => metric?.name === wanted && metric.entity.id === id && metric.attributes.quantile === quantile)
      .map((metric) => [metric?.at, metric?.value])
  expect(valuesOf('aws.lambda.duration', arn('orders'), '1')).toEqual([
    [at(5), 2],
    [at(6), 1],
  ])
  expect(valuesOf('aws.lambda.iterator_age', arn('orders'))).toEqual([[at(6), 45]])
  expect(valuesOf('faas.invocations', arn('orders'))).toEqual([
    [at(3), 0],
    [at(4), 0],
    [at(5), 0],
    [at(6), 3],
    [at(7), 9],
  ])
  expect(valuesOf('faas.invocations', arn('idle'))).toEqual([[at(7), 0]])
})

test('reports the sums once more if no minute has passed', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const server = await awsServer({ functions: [functionItem('orders')], points })
  const client = await openClient(server)
  const context = collectContext({ now: clock.now })
  await runCollector(usage, client, context)
  clock.advance('10s')
  expect(pointsOf(await runCollector(usage, client, context), arn('orders'))).toEqual({
    'faas.invocations{}': 9,
    'faas.errors{}': 1,
    'aws.lambda.throttles{}': 3,
  })
})

test('asks for details of functions that were used only', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const names = Array.from({ length: 300 }, (_, index) => `f${index}`)
  const server = await awsServer({ functions: names.map((name) => functionItem(name)), pageSize: 1_000 })
  await runCollector(usage, await openClient(server), collectContext({ now: clock.now }))
  // 601 queries, 500 in a request.
  expect(server.calls.filter((call) => call === 'cloudwatch:GetMetricData')).toHaveLength(2)
})

test('fails if CloudWatch refuses, and reads the period in the next run', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const server = await awsServer({ functions: [functionItem('orders')], points })
  const client = await openClient(server)
  server.region.answers['cloudwatch:GetMetricData'] = refusal(400, 'AccessDeniedException')
  await expect(runCollector(usage, client, collectContext({ now: clock.now }))).rejects.toMatchObject({
    kind: 'denied',
    message: expect.stringContaining('cloudwatch:GetMetricData'),
  })
})

test('reports a gap for series that are not complete', async () => {
  const clock = clockAt('2026-11-30T10:10:20Z')
  const server = await awsServer({ functions: [] })
  server.region.answers['cloudwatch:GetMetricData'] = {
    status: 200,
    body: { MetricDataResults: [{ Id: 'q0', StatusCode: 'InternalError', Timestamps: [], Values: [] }] },
  }
  const { gaps } = await runCollector(usage, await openClient(server), collectContext({ now: clock.now }))
  expect(gaps).toEqual([
    {
      scope: 'function:metrics',
      reason:
        '1 of the queries to CloudWatch are not complete, such as ConcurrentExecutions of the account: CloudWatch answered InternalError',
    },
  ])
})
