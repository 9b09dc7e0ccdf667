import { readdirSync } from 'node:fs'
import { runCollector, runWatcher, watchContext } from '@rca/connector-testkit'
import { createAgent, planDeployment, silentLogger } from '@rca/core'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { arn, awsServer, functionItem, type Region } from '../test/aws-server.ts'
import { openClient } from '../test/open-client.ts'
import { apiCalls } from './events/api-calls.ts'
import { lambda } from './index.ts'

const CANARY = 'canary-of-a-secret'

const region: Partial<Region> = {
  functions: [
    functionItem('orders', {
      Environment: { Variables: { API_KEY: CANARY } },
      Layers: [{ Arn: 'arn:aws:lambda:eu-central-1:123456789012:layer:tools:4', CodeSize: 1 }],
    }),
    functionItem('orders', { Version: '1', Environment: { Variables: { API_KEY: CANARY } } }),
  ],
  aliases: { orders: [{ AliasArn: `${arn('orders')}:live`, Name: 'live', FunctionVersion: '1' }] },
  eventSources: [
    {
      UUID: 'u',
      EventSourceArn: 'arn:aws:sqs:eu-central-1:123456789012:jobs',
      FunctionArn: arn('orders'),
      State: 'Enabled',
      FilterCriteria: { Filters: [{ Pattern: CANARY }] },
    },
  ],
  policies: {
    orders: {
      Statement: [
        {
          Sid: 'a',
          Effect: 'Allow',
          Principal: '*',
          Action: 'lambda:InvokeFunction',
          Condition: { StringEquals: { 'lambda:EventSourceToken': CANARY } },
        },
      ],
    },
  },
}

test('lists every file of `collectors/` in the table', () => {
  const files = readdirSync(`${import.meta.dirname}/collectors`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(lambda.collectors).toSorted()).toEqual(files.map((file) => file.replace('.ts', '')).toSorted())
})

test('an agent reports every type of entity, declared signals only, and no secrets', async () => {
  const server = await awsServer(region)
  const agent = createAgent({
    connector: lambda,
    platformUrl: 'http://127.0.0.1:1',
    agentToken: 'lambda-token',
    logger: silentLogger,
    config: { aws_region: 'eu-central-1', aws_endpoint_url: server.url },
  })
  onTestFinished(() => agent.stop())
  const { data } = await agent.collectMetrics()
  expect(data.gaps).toEqual([])
  expect([...new Set(data.entities.map(({ type }) => type))].toSorted()).toEqual([
    'aws.lambda.account',
    'aws.lambda.alias',
    'aws.lambda.event_source',
    'aws.lambda.layer',
    'aws.lambda.version',
    'faas.function',
    'rca.agent',
  ])
  expect(JSON.stringify(data)).not.toContain(CANARY)
})

test.each([true, false])(
  'the role of the agent allows exactly the calls that it makes (cloudtrail: %s)',
  async (cloudtrail) => {
    const server = await awsServer(region)
    const client = await openClient(server, { cloudtrail })
    for (const collector of Object.values(lambda.collectors)) await runCollector(collector, client)
    const context = watchContext()
    if (!cloudtrail) context.abort()
    await runWatcher(apiCalls, client, context)
    const { command } = planDeployment(lambda, {
      platformUrl: 'https://api.example.com',
      agentToken: 'lambda-token',
      config: { cloudtrail, subnets: ['subnet-0a'] },
    })
    const request = parse(/^printf %s '(.*)' \|/s.exec(command)?.[1] ?? '') as { readonly TemplateBody: string }
    const template = parse(request.TemplateBody)
    const [policy] = template.Resources.TaskRole.Properties.Policies
    const allowed: string[] = policy.PolicyDocument.Statement.flatMap(({ Action }: { Action: string[] }) => Action)
    // Every identity may ask who it is.
    const made = new Set(server.calls.filter((call) => call !== 'sts:GetCallerIdentity'))
    expect(allowed.toSorted()).toEqual([...made].toSorted())
  },
)
