import { collectContext, eventsOf, runCollector } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { arn, awsServer, functionItem, refusal } from '../../test/aws-server.ts'
import { openClient } from '../../test/open-client.ts'
import { functions } from './functions.ts'

const layer = 'arn:aws:lambda:eu-central-1:123456789012:layer:tools:4'

test('describes functions, versions and layers', async () => {
  const server = await awsServer({
    functions: [
      functionItem('orders', {
        Layers: [{ Arn: layer, CodeSize: 2_048 }],
        Environment: { Variables: { DB_PASSWORD: 'hunter-2-hunter', STAGE: 'live' } },
      }),
      functionItem('orders', { Version: '7', CodeSha256: 'dmVyc2lvbiA3' }),
    ],
  })
  const signals = await runCollector(functions, await openClient(server))
  expect(signals.entities).toMatchObject([
    {
      type: 'faas.function',
      id: arn('orders'),
      name: 'orders',
      attributes: {
        'faas.name': 'orders',
        'faas.max_memory': 134_217_728,
        'aws.lambda.timeout': 3,
        'aws.lambda.environment.names': ['DB_PASSWORD', 'STAGE'],
        'aws.lambda.last_modified': '2026-11-30T10:00:00.000Z',
        'aws.log.group.names': ['/aws/lambda/orders'],
      },
      relations: [
        { type: 'part_of', target: { type: 'aws.lambda.account', id: '123456789012/eu-central-1' } },
        { type: 'uses_layer', target: { type: 'aws.lambda.layer', id: layer } },
      ],
    },
    {
      type: 'aws.lambda.version',
      id: `${arn('orders')}:7`,
      name: 'orders:7',
      relations: [{ type: 'part_of', target: { type: 'faas.function', id: arn('orders') } }],
    },
    { type: 'aws.lambda.layer', id: layer, name: 'tools:4', attributes: { 'aws.lambda.layer.size': 2_048 } },
  ])
  expect(signals.events).toEqual([])
  expect(JSON.stringify(signals)).not.toContain('hunter-2-hunter')
})

test('reports what changed, and values of variables as changed only', async () => {
  const server = await awsServer({
    functions: [functionItem('orders', { Environment: { Variables: { A: 'old-secret', GONE: 'x' } } })],
  })
  const client = await openClient(server)
  const context = collectContext()
  await runCollector(functions, client, context)
  server.region.functions = [
    functionItem('orders', {
      CodeSha256: 'bmV3IGNvZGU=',
      MemorySize: 256,
      LastModified: '2026-11-30T11:00:00.000+0000',
      RevisionId: 'orders-2',
      Environment: { Variables: { A: 'new-secret', B: 'y' } },
    }),
  ]
  const signals = await runCollector(functions, client, context)
  expect(signals.events).toEqual([
    expect.objectContaining({
      id: `${arn('orders')}/orders-2/changed`,
      name: 'faas.function.changed',
      at: '2026-11-30T11:00:00.000Z',
      severity: 'info',
      entity: { type: 'faas.function', id: arn('orders') },
      body: 'orders changed: code b2xkIGNvZGU= → bmV3IGNvZGU=; memory 128 MiB → 256 MiB; variable A changed; variable B added; variable GONE removed',
      attributes: {
        'aws.lambda.change.fields': ['code', 'memory', 'variable A', 'variable B', 'variable GONE'],
        'aws.lambda.change.values': [
          'code b2xkIGNvZGU= → bmV3IGNvZGU=',
          'memory 128 MiB → 256 MiB',
          'variable A changed',
          'variable B added',
          'variable GONE removed',
        ],
      },
    }),
  ])
  expect(JSON.stringify(signals)).not.toMatch(/old-secret|new-secret/)
  expect((await runCollector(functions, client, context)).events).toEqual([])
})

test('reports functions that are created or deleted, versions that are published, and updates that fail', async () => {
  const server = await awsServer({ functions: [functionItem('old'), functionItem('orders')] })
  const client = await openClient(server)
  const context = collectContext()
  await runCollector(functions, client, context)
  server.region.functions = [
    functionItem('new'),
    functionItem('orders', { LastUpdateStatus: 'Failed', LastUpdateStatusReasonCode: 'ImageAccessDenied' }),
    functionItem('orders', { Version: '1' }),
  ]
  const events = eventsOf([await runCollector(functions, client, context)])
  expect(events.map(({ name, severity, body }) => `${severity} ${name}: ${body}`)).toEqual([
    'info faas.function.created: new was created',
    'error faas.function.update_failed: orders failed: its last update failed (ImageAccessDenied)',
    'warning faas.function.deleted: old was deleted',
    'info aws.lambda.version.published: Version 1 of orders was published',
  ])
  expect(eventsOf([await runCollector(functions, client, context)])).toEqual([])
})

test('reports a gap, and no change, if AWS cannot decrypt variables', async () => {
  const server = await awsServer({ functions: [functionItem('orders', { Environment: { Variables: { A: '1' } } })] })
  const client = await openClient(server)
  const context = collectContext()
  await runCollector(functions, client, context)
  const error = { Error: { ErrorCode: 'AccessDeniedException', Message: 'no access to the key' } }
  server.region.functions = [functionItem('orders', { Environment: error })]
  const signals = await runCollector(functions, client, context)
  expect(signals.events).toEqual([])
  expect(signals.gaps).toEqual([
    { scope: 'function:variables', reason: expect.stringContaining('Allow `kms:Decrypt`') },
  ])
})

test('leaves excluded functions out, and fails if the list is refused', async () => {
  const server = await awsServer({ functions: [functionItem('orders'), functionItem('tmp-1')] })
  const client = await openClient(server, { exclude_functions: ['tmp-*'] })
  const { entities } = await runCollector(functions, client)
  expect(entities?.map((entity) => entity?.name)).toEqual(['orders'])
  server.region.answers['lambda:ListFunctions'] = refusal(403, 'AccessDeniedException')
  await expect(runCollector(functions, client)).rejects.toThrow('lambda:ListFunctions')
})
