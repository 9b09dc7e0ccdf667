import { checks, type Scenario, type ScenarioSystem, summarize } from '@rca/connector-testkit'
import { testConformance } from '@rca/rig/conformance'
import { type Answer, arn, awsServer, functionItem, type Region, refusal } from '../test/aws-server.ts'
import { lambda } from './index.ts'

const CANARY = 'canary-of-a-secret'

/** Functions of a larger account, in which a few changes are the exception. */
const others = Array.from({ length: 20 }, (_, index) => functionItem(`worker-${index}`))

const minute = (value: number): readonly [string, number][] => [['2026-11-30T11:54:00.000Z', value]]

const region: Partial<Region> = {
  functions: [
    functionItem('orders', {
      Environment: { Variables: { API_KEY: CANARY } },
      Layers: [{ Arn: 'arn:aws:lambda:eu-central-1:123456789012:layer:tools:4', CodeSize: 1 }],
    }),
    functionItem('orders', { Version: '1', Environment: { Variables: { API_KEY: CANARY } } }),
    functionItem('old'),
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
  reserved: { orders: 5 },
  provisioned: {
    orders: [
      {
        FunctionArn: `${arn('orders')}:live`,
        RequestedProvisionedConcurrentExecutions: 2,
        AvailableProvisionedConcurrentExecutions: 2,
      },
    ],
  },
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
  points: {
    'ConcurrentExecutions//Maximum': minute(7),
    'Invocations/orders/Sum': minute(120),
    'Throttles/orders/Sum': minute(1),
    'Errors/orders/Sum': minute(2),
    ...Object.fromEntries(['p50', 'p95', 'p99', 'Maximum'].map((each) => [`Duration/orders/${each}`, minute(80)])),
    'ConcurrentExecutions/orders/Maximum': minute(3),
    'IteratorAge/orders/Maximum': minute(9_000),
  },
}

/** The account after somebody has changed something of each kind. */
const changed: Partial<Region> = {
  functions: [
    functionItem('orders', { MemorySize: 256, RevisionId: 'orders-2' }),
    functionItem('orders', { Version: '1' }),
    functionItem('orders', { Version: '2' }),
    functionItem('new', { LastUpdateStatus: 'Failed', LastUpdateStatusReasonCode: 'ImageAccessDenied' }),
    ...others.with(0, functionItem('worker-0', { RevisionId: 'w', LastUpdateStatus: 'Failed' })),
  ],
  aliases: { orders: [{ AliasArn: `${arn('orders')}:live`, Name: 'live', FunctionVersion: '2' }] },
  eventSources: [{ ...region.eventSources?.[0], State: 'Disabled' }],
  reserved: { orders: 6 },
  policies: {},
}

const call = (id: number) => ({
  EventId: `call-${id}`,
  EventName: 'UpdateFunctionCode20150331v2',
  EventTime: Date.parse('2026-11-30T12:00:00Z') / 1_000 + id,
  Username: 'alice',
  CloudTrailEvent: JSON.stringify({ requestParameters: { functionName: 'orders' } }),
})

const FAULTS: Readonly<Record<string, Answer>> = {
  'answers 403': refusal(403, 'AccessDeniedException'),
  'answers without its fields': { status: 200, body: {} },
  'answers malformed JSON': { status: 200, body: '{"Functions": [}' },
}

/** Fields that are missing say that a function has no reserved concurrency, or no policy. */
const PARTS = ['lambda:GetFunctionConcurrency', 'lambda:GetPolicy']
const LISTS = [
  'lambda:GetAccountSettings',
  'lambda:ListFunctions',
  'lambda:ListEventSourceMappings',
  'lambda:ListAliases',
  'lambda:ListProvisionedConcurrencyConfigs',
  'cloudwatch:GetMetricData',
]

/** Failures of requests. Few are tried again by the SDK, which waits between attempts. */
const faults: readonly (readonly [operation: string, fault: string, answer: Answer])[] = [
  ...[...PARTS, ...LISTS].flatMap((operation) =>
    Object.entries(FAULTS)
      .filter(([fault]) => LISTS.includes(operation) || fault !== 'answers without its fields')
      .map(([fault, answer]) => [operation, fault, answer] as const),
  ),
  ['lambda:ListFunctions', 'answers 500', refusal(500, 'ServiceException')],
]

async function start(): Promise<ScenarioSystem & { readonly region: Region; readonly calls: readonly string[] }> {
  const { url, region: own, calls, close } = await awsServer({ ...structuredClone(region), answers: {} })
  const answering = (answers: Region['answers']) => () => {
    own.answers = answers
    return () => {
      own.answers = {}
    }
  }
  const everywhere = (answer: Answer | 'silence') => answering(new Proxy({}, { get: () => answer }))
  return {
    region: own,
    calls,
    options: { aws_endpoint_url: url },
    faults: Object.fromEntries(
      faults.map(([operation, fault, answer]) => [`${operation} ${fault}`, answering({ [operation]: answer })]),
    ),
    deny: everywhere(refusal(403, 'AccessDeniedException')),
    silence: everywhere('silence'),
    empty: () => {
      Object.assign(own, { functions: [], aliases: {}, eventSources: [] })
      return () => void Object.assign(own, structuredClone(region))
    },
    pages: () => {
      own.pageSize = 1
      return () => {
        own.pageSize = 50
      }
    },
    samePage: answering({
      'lambda:ListFunctions': { status: 200, body: { Functions: [functionItem('orders')], NextMarker: 'again' } },
    }),
    act: () => void own.events.push(call(own.events.length)),
    requests: () => calls.length,
    // IAM allows it for everybody.
    permissions: () => calls.filter((call) => call !== 'sts:GetCallerIdentity'),
    secrets: [CANARY],
    environment: [CANARY],
    close,
  }
}

/** Settings of functions are read every five minutes. */
const intervalMs = 300_000
const options = { aws_region: 'eu-central-1' }
const at = '2026-11-30T12:00:00Z'

const scenarios: readonly Scenario[] = [
  { name: 'an account', options, at, intervalMs, maxRequests: 20, start },
  {
    name: 'an account that changes',
    options,
    at,
    intervalMs,
    start: async () => {
      const { region: own, calls, options: address = {}, close } = await start()
      // The collector of the account runs first in each round; `connect` makes these two requests.
      own.answers = {
        get 'lambda:GetAccountSettings'() {
          const rounds = calls
            .slice(calls.lastIndexOf('sts:GetCallerIdentity'))
            .filter((each) => each === 'lambda:GetAccountSettings')
          const before = { ...region, functions: [...(region.functions ?? []), ...others] }
          Object.assign(own, structuredClone({ ...before, ...(rounds.length > 2 ? changed : {}) }))
          return undefined
        },
      }
      return { options: address, close }
    },
  },
]

const folder = `${import.meta.dirname}/..`
const suite = checks(lambda, {
  scenarios,
  packageFolder: folder,
  nodeArguments: ['--conditions=@rca/source'],
  strict: true,
})
testConformance(suite, summarize)
