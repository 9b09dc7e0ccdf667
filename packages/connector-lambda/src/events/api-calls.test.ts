import { idle, manualClock, runWatcher, watchContext } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { ACCOUNT, arn, awsServer, refusal } from '../../test/aws-server.ts'
import { openClient } from '../../test/open-client.ts'
import { apiCalls } from './api-calls.ts'

const NOW = '2026-11-30T10:00:00.000Z'

function recorded(id: string, name: string, more: { readonly readOnly?: string; readonly record?: object } = {}) {
  return {
    EventId: id,
    EventName: name,
    ReadOnly: more.readOnly ?? 'false',
    AccessKeyId: 'ASIAEXAMPLE',
    EventTime: Date.parse('2026-11-30T09:55:00Z') / 1_000,
    EventSource: 'lambda.amazonaws.com',
    Username: 'alice',
    Resources: [],
    CloudTrailEvent: JSON.stringify({
      userIdentity: { type: 'AssumedRole', arn: `arn:aws:sts::${ACCOUNT}:assumed-role/admin/alice` },
      sourceIPAddress: '192.0.2.1',
      userAgent: 'aws-cli/2.31',
      requestParameters: { functionName: 'orders', environment: { variables: { A: 'planted-secret' } } },
      ...more.record,
    }),
  }
}

test('reports who changed a function, and no parameters of the call', async () => {
  const server = await awsServer({
    events: [
      recorded('1', 'UpdateFunctionCode20150331v2'),
      recorded('2', 'ListFunctions20150331', { readOnly: 'true' }),
      recorded('3', 'AddPermission20150331v2', {
        record: { requestParameters: { functionName: `${arn('orders')}:live` }, errorCode: 'AccessDenied' },
      }),
      recorded('4', 'DeleteLayerVersion20181031', { record: { requestParameters: { layerName: 'tools' } } }),
    ],
    pageSize: 3,
  })
  const client = await openClient(server)
  const context = watchContext({ clock: manualClock(NOW) })
  await runWatcher(apiCalls, client, context)
  expect(context.events()).toEqual([
    {
      id: '1',
      name: 'aws.lambda.api_call',
      at: '2026-11-30T09:55:00.000Z',
      severity: 'info',
      entity: { type: 'faas.function', id: arn('orders') },
      body: 'alice called UpdateFunctionCode on orders',
      attributes: {
        'rpc.method': 'UpdateFunctionCode',
        'user.name': 'alice',
        'aws.user_identity.arn': `arn:aws:sts::${ACCOUNT}:assumed-role/admin/alice`,
        'client.address': '192.0.2.1',
        'user_agent.original': 'aws-cli/2.31',
      },
    },
    expect.objectContaining({
      entity: { type: 'faas.function', id: arn('orders') },
      body: 'alice failed (AccessDenied) to call AddPermission on orders',
    }),
    expect.objectContaining({
      entity: { type: 'aws.lambda.account', id: `${ACCOUNT}/eu-central-1` },
      body: 'alice called DeleteLayerVersion',
    }),
  ])
  expect(JSON.stringify(context.emitted)).not.toContain('planted-secret')
})

test('reports calls that CloudTrail records late, and each once', async () => {
  const server = await awsServer({ events: [recorded('1', 'UpdateFunctionCode20150331v2')] })
  const client = await openClient(server)
  const late = (): void => void server.region.events.push(recorded('2', 'PutFunctionConcurrency20171031'))
  const context = watchContext({ clock: manualClock(NOW), steps: [idle, late, idle] })
  await runWatcher(apiCalls, client, context)
  expect(context.events().map(({ id }) => id)).toEqual(['1', '2'])
  expect(context.cursors.at(-1)).toBe('{"until":"2026-11-30T10:06:00.000Z"}')
})

test('rejects if CloudTrail is refused', async () => {
  const server = await awsServer()
  server.region.answers['cloudtrail:LookupEvents'] = refusal(400, 'AccessDeniedException')
  const client = await openClient(server)
  await expect(runWatcher(apiCalls, client, watchContext())).rejects.toThrow(
    'AWS refused cloudtrail:LookupEvents in eu-central-1',
  )
})

test('does not call CloudTrail if `cloudtrail` is false', async () => {
  const server = await awsServer()
  const client = await openClient(server, { cloudtrail: 'false' })
  const context = watchContext()
  const watched = runWatcher(apiCalls, client, context)
  context.abort()
  await watched
  expect(server.calls).not.toContain('cloudtrail:LookupEvents')
})
