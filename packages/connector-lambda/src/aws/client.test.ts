import { expect, test } from 'vitest'
import { awsServer, functionItem, refusal } from '../../test/aws-server.ts'
import { openAws } from './client.ts'

const never = (): AbortSignal => new AbortController().signal

async function open(url: string, now?: () => number) {
  return openAws({ aws_region: 'eu-central-1', aws_endpoint_url: url }, now)
}

test('reads all pages of functions', async () => {
  const names = Array.from({ length: 7 }, (_, index) => `f${index}`)
  const server = await awsServer({ functions: names.map((name) => functionItem(name)), pageSize: 3 })
  const aws = await open(server.url)
  expect((await aws.listFunctions(never())).map(({ name }) => name)).toEqual(names)
  expect(server.calls).toEqual(['lambda:ListFunctions', 'lambda:ListFunctions', 'lambda:ListFunctions'])
})

test('ends if AWS sends the same page again', async () => {
  const server = await awsServer()
  server.region.answers['lambda:ListFunctions'] = {
    status: 200,
    body: { Functions: [functionItem('f')], NextMarker: 'again' },
  }
  const aws = await open(server.url)
  expect(await aws.listFunctions(never())).toHaveLength(2)
})

test('rejects an answer without the list', async () => {
  const server = await awsServer()
  server.region.answers['lambda:ListFunctions'] = { status: 200, body: {} }
  const aws = await open(server.url)
  await expect(aws.listFunctions(never())).rejects.toThrow(
    'AWS answered lambda:ListFunctions in eu-central-1 without the list',
  )
})

test('names the refused action and the fix', async () => {
  const server = await awsServer()
  server.region.answers['lambda:ListEventSourceMappings'] = refusal(403, 'AccessDeniedException')
  const aws = await open(server.url)
  await expect(aws.listEventSources(never())).rejects.toMatchObject({
    kind: 'denied',
    message:
      'AWS refused lambda:ListEventSourceMappings in eu-central-1 (AccessDeniedException: AccessDeniedException for a test). Allow it in the role of the agent, or check its credentials',
  })
})

test('sends no request to a service before the time of Retry-After', async () => {
  let time = Date.parse('2026-11-30T10:00:00Z')
  const server = await awsServer()
  server.region.answers['lambda:ListFunctions'] = refusal(429, 'TooManyRequestsException', { 'retry-after': '60' })
  const aws = await open(server.url, () => time)
  const throttled = {
    kind: 'throttled',
    message: 'AWS throttles lambda and asked to wait until 2026-11-30T10:01:00.000Z. The agent tries again then',
  }
  await expect(aws.listFunctions(never())).rejects.toMatchObject(throttled)
  time += 59_000
  await expect(aws.listEventSources(never())).rejects.toMatchObject(throttled)
  expect(server.calls).toEqual(['lambda:ListFunctions'])
  time += 1_000
  expect(await aws.listEventSources(never())).toEqual([])
})

test('tries again after a short failure', async () => {
  const server = await awsServer({ functions: [functionItem('f')] })
  let failures = 1
  Object.defineProperty(server.region.answers, 'lambda:ListFunctions', {
    get: () => (failures-- > 0 ? refusal(500, 'ServiceException') : undefined),
  })
  const aws = await open(server.url)
  expect(await aws.listFunctions(never())).toHaveLength(1)
  expect(server.calls).toEqual(['lambda:ListFunctions', 'lambda:ListFunctions'])
})

test('names the address if nothing listens there', async () => {
  await awsServer()
  const aws = await open('http://127.0.0.1:1')
  await expect(aws.accountSettings(never())).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('127.0.0.1:1'),
  })
})

test('rejects when the signal aborts', async () => {
  const { url } = await awsServer()
  const aws = await open(url)
  const controller = new AbortController()
  const listed = aws.listFunctions(controller.signal)
  controller.abort(new Error('the agent stops'))
  await expect(listed).rejects.toThrow('the agent stops')
})

test('joins the points of a series that continues on a later page', async () => {
  const server = await awsServer()
  const pages = [
    { MetricDataResults: [{ Id: 'q0', Timestamps: [60], Values: [1], StatusCode: 'PartialData' }], NextToken: '2' },
    { MetricDataResults: [{ Id: 'q0', Timestamps: [120], Values: [2], StatusCode: 'Complete' }] },
  ]
  Object.defineProperty(server.region.answers, 'cloudwatch:GetMetricData', {
    get: () => ({ status: 200, body: pages.shift() }),
  })
  const aws = await open(server.url)
  const query = { metric: 'Invocations', functionName: 'f', statistic: 'Sum' }
  expect(await aws.metricData([query], { from: new Date(0), to: new Date(180_000) }, never())).toEqual([
    {
      query,
      problem: undefined,
      points: [
        { at: new Date(60_000), value: 1 },
        { at: new Date(120_000), value: 2 },
      ],
    },
  ])
})
