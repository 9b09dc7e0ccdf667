import { collectContext, eventsOf, manualClock, pointsOf, runCollector } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { arn, awsServer, functionItem, refusal } from '../../test/aws-server.ts'
import { openClient } from '../../test/open-client.ts'
import { settings } from './settings.ts'

const alias = (name: string, version: string, weights?: Readonly<Record<string, number>>) => ({
  AliasArn: `${arn('orders')}:${name}`,
  Name: name,
  FunctionVersion: version,
  Description: '',
  RevisionId: 'r',
  ...(weights === undefined ? {} : { RoutingConfig: { AdditionalVersionWeights: weights } }),
})

const policy = (...statements: readonly object[]) => ({ Version: '2012-10-17', Id: 'default', Statement: statements })

const allow = (sid: string, service: string, condition?: object) => ({
  Sid: sid,
  Effect: 'Allow',
  Principal: { Service: service },
  Action: 'lambda:InvokeFunction',
  Resource: arn('orders'),
  ...(condition === undefined ? {} : { Condition: condition }),
})

const token = (value: string) => ({ StringEquals: { 'lambda:EventSourceToken': value } })

test('describes aliases and concurrency', async () => {
  const server = await awsServer({
    functions: [functionItem('orders')],
    aliases: { orders: [alias('live', '2', { '3': 0.1 }), alias('next', '$LATEST')] },
    reserved: { orders: 50 },
    provisioned: {
      orders: [
        {
          FunctionArn: `${arn('orders')}:live`,
          RequestedProvisionedConcurrentExecutions: 10,
          AvailableProvisionedConcurrentExecutions: 4,
          AllocatedProvisionedConcurrentExecutions: 4,
          Status: 'IN_PROGRESS',
        },
      ],
    },
  })
  const signals = await runCollector(settings, await openClient(server))
  const ownFunction = { type: 'part_of', target: { type: 'faas.function', id: arn('orders') } }
  expect(signals.entities).toMatchObject([
    {
      type: 'aws.lambda.alias',
      id: `${arn('orders')}:live`,
      name: 'orders:live',
      attributes: { 'faas.version': '2', 'aws.lambda.alias.weights': ['3=0.1'] },
      relations: [
        ownFunction,
        { type: 'routes_to', target: { type: 'aws.lambda.version', id: `${arn('orders')}:2` } },
        { type: 'routes_to', target: { type: 'aws.lambda.version', id: `${arn('orders')}:3` } },
      ],
    },
    { name: 'orders:next', relations: [ownFunction] },
  ])
  expect(pointsOf(signals)).toEqual({
    'aws.lambda.concurrency.reserved{}': 50,
    'aws.lambda.concurrency.provisioned{qualifier=live,state=requested}': 10,
    'aws.lambda.concurrency.provisioned{qualifier=live,state=available}': 4,
  })
  expect(signals).toMatchObject({ events: [], gaps: [], unread: [] })
})

test('reports changes of aliases, concurrency and permissions, without conditions', async () => {
  const clock = manualClock()
  const server = await awsServer({
    functions: [functionItem('orders')],
    aliases: { orders: [alias('live', '2')] },
    policies: {
      orders: policy(allow('api', 'apigateway.amazonaws.com', token('old-token')), allow('s3', 's3.amazonaws.com')),
    },
  })
  const client = await openClient(server)
  const context = collectContext({ now: clock.now })
  await runCollector(settings, client, context)
  server.region.aliases.orders = [alias('live', '2', { '3': 0.25 })]
  server.region.reserved.orders = 5
  server.region.policies.orders = policy(
    allow('api', 'apigateway.amazonaws.com', token('new-token')),
    allow('world', '*'),
  )
  clock.advance('5m')
  const signals = await runCollector(settings, client, context)
  expect(eventsOf([signals]).map(({ name, body }) => `${name}: ${body}`)).toEqual([
    'aws.lambda.alias.changed: Aliases of orders changed: live 2 → 2, 3=0.25',
    'aws.lambda.concurrency.changed: Concurrency of orders changed: reserved none → 5',
    'aws.lambda.permissions.changed: Permissions of orders changed: statement s3 Allow lambda:InvokeFunction to s3.amazonaws.com → none; statement world none → Allow lambda:InvokeFunction to *; condition of statement api changed',
  ])
  expect(signals.gaps).toEqual([])
  expect(JSON.stringify(signals)).not.toMatch(/old-token|new-token/)
})

test('reads a function again after five minutes, or when it changed', async () => {
  const clock = manualClock()
  const server = await awsServer({ functions: [functionItem('a'), functionItem('b')] })
  const client = await openClient(server)
  const context = collectContext({ now: clock.now })
  const reads = async (): Promise<number> => {
    server.calls.length = 0
    await runCollector(settings, client, context)
    return server.calls.filter((call) => call === 'lambda:ListAliases').length
  }
  expect(await reads()).toBe(2)
  clock.advance('1m')
  expect(await reads()).toBe(0)
  server.region.functions[1] = functionItem('b', { RevisionId: 'b-2' })
  expect(await reads()).toBe(1)
  clock.advance('4m')
  expect(await reads()).toBe(1)
})

test('reads 25 functions in a run, and says that aliases of the others are not read yet', async () => {
  const names = Array.from({ length: 30 }, (_, index) => `f${index}`)
  const server = await awsServer({
    functions: names.map((name) => functionItem(name)),
    aliases: Object.fromEntries(
      names.map((name) => [name, [{ ...alias('live', '1'), AliasArn: `${arn(name)}:live` }]]),
    ),
  })
  const client = await openClient(server)
  const context = collectContext()
  const first = await runCollector(settings, client, context)
  expect(first.entities).toHaveLength(25)
  expect(first.unread).toEqual([{ type: 'aws.lambda.alias' }])
  const second = await runCollector(settings, client, context)
  expect(second.entities).toHaveLength(30)
  expect(second.unread).toEqual([])
})

test('reports a gap for a refused part, and reads the others', async () => {
  const server = await awsServer({ functions: [functionItem('a'), functionItem('b')], reserved: { a: 1, b: 2 } })
  server.region.answers['lambda:ListAliases'] = refusal(403, 'AccessDeniedException')
  const signals = await runCollector(settings, await openClient(server))
  expect(signals.gaps).toEqual([{ scope: 'function:aliases', reason: expect.stringContaining('lambda:ListAliases') }])
  expect(signals.unread).toEqual([{ type: 'aws.lambda.alias' }])
  expect(signals.metrics?.filter((point) => point !== undefined)).toHaveLength(2)
  expect(server.calls.filter((call) => call === 'lambda:ListAliases')).toHaveLength(1)
})

test('keeps aliases that were read before if a later reading fails', async () => {
  const clock = manualClock()
  const server = await awsServer({ functions: [functionItem('orders')], aliases: { orders: [alias('live', '2')] } })
  const client = await openClient(server)
  const context = collectContext({ now: clock.now })
  await runCollector(settings, client, context)
  clock.advance('5m')
  server.region.answers['lambda:ListAliases'] = refusal(400, 'InvalidParameterValueException')
  const signals = await runCollector(settings, client, context)
  expect(signals.entities).toHaveLength(1)
  expect(signals.events).toEqual([])
  expect(signals.gaps).toHaveLength(1)
})

test('reports a gap for a malformed policy', async () => {
  const server = await awsServer({ functions: [functionItem('orders')], policies: { orders: { Statement: 'all' } } })
  const { gaps } = await runCollector(settings, await openClient(server))
  expect(gaps).toEqual([
    { scope: 'function:policy', reason: expect.stringContaining('The policy of orders could not be understood') },
  ])
})
