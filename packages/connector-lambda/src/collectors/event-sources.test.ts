import { collectContext, eventsOf, runCollector } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { arn, awsServer } from '../../test/aws-server.ts'
import { openClient } from '../../test/open-client.ts'
import { eventSources } from './event-sources.ts'

const mapping = (changes: Readonly<Record<string, unknown>> = {}) => ({
  UUID: '14e0db71-xmpl-4eb5-b481-8945cf9d10c2',
  BatchSize: 10,
  EventSourceArn: 'arn:aws:sqs:eu-central-1:123456789012:jobs',
  FunctionArn: `${arn('orders')}:live`,
  LastModified: 1_764_496_800.5,
  State: 'Enabled',
  StateTransitionReason: 'USER_INITIATED',
  FilterCriteria: { Filters: [{ Pattern: '{"customer":["secret-customer"]}' }] },
  ...changes,
})

test('describes event source mappings, with the function that they invoke', async () => {
  const server = await awsServer({ eventSources: [mapping()] })
  const signals = await runCollector(eventSources, await openClient(server))
  expect(signals.entities).toMatchObject([
    {
      type: 'aws.lambda.event_source',
      id: '14e0db71-xmpl-4eb5-b481-8945cf9d10c2',
      name: 'jobs → orders',
      attributes: {
        'aws.lambda.event_source.state': 'Enabled',
        'aws.lambda.event_source.target': `${arn('orders')}:live`,
      },
      relations: [{ type: 'triggers', target: { type: 'faas.function', id: arn('orders') } }],
    },
  ])
  expect(JSON.stringify(signals)).not.toContain('secret-customer')
})

test('reports changed settings and states, and filters as changed only', async () => {
  const server = await awsServer({ eventSources: [mapping()] })
  const client = await openClient(server)
  const context = collectContext()
  await runCollector(eventSources, client, context)
  server.region.eventSources = [
    mapping({
      State: 'Disabled',
      BatchSize: 100,
      FilterCriteria: { Filters: [{ Pattern: '{"customer":["other"]}' }] },
    }),
  ]
  const events = eventsOf([await runCollector(eventSources, client, context)])
  expect(events.map(({ body }) => body)).toEqual([
    'The source jobs of orders changed: batch_size 10 → 100; state Enabled → Disabled; filters_and_access changed',
  ])
})
