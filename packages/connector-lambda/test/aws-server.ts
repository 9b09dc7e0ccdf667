import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished, vi } from 'vitest'

/**
 * An AWS region, as its APIs answer. The shapes are those that the SDK's clients read and write: REST with JSON for
 * Lambda, JSON 1.0 for CloudWatch, JSON 1.1 for CloudTrail, and XML for the Security Token Service.
 */
export interface Region {
  functions: Record<string, unknown>[]
  aliases: Record<string, Record<string, unknown>[]>
  eventSources: Record<string, unknown>[]
  reserved: Record<string, number>
  provisioned: Record<string, Record<string, unknown>[]>
  policies: Record<string, object>
  /** Data points by `metric/function/statistic`; the function of all functions together is empty. */
  points: Record<string, readonly (readonly [minute: string, value: number])[]>
  events: Record<string, unknown>[]
  /** Items of a page. */
  pageSize: number
  /** Answers in place of those above, by operation. The request of a `silence` is never answered. */
  answers: Record<string, Answer | 'silence' | undefined>
}

export interface Answer {
  readonly status: number
  readonly body: object | string
  readonly headers?: Readonly<Record<string, string>>
}

export interface AwsServer {
  readonly url: string
  readonly region: Region
  /** Operations in order, such as `lambda:ListFunctions`. */
  readonly calls: string[]
  /** Closes the server, which the end of the test does as well. */
  close(): void
}

export const ACCOUNT = '123456789012'

/** Starts the server, and sets credentials for the SDK until the test has ended. */
export async function awsServer(changes: Partial<Region> = {}): Promise<AwsServer> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-access-key')
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  onTestFinished(() => void vi.unstubAllEnvs())
  const region: Region = {
    ...{ functions: [], aliases: {}, eventSources: [], reserved: {}, provisioned: {}, policies: {}, points: {} },
    ...{ events: [], pageSize: 50, answers: {} },
    ...changes,
  }
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const { operation, answer } = answerTo(request, body, region)
    calls.push(operation)
    const given = region.answers[operation] ?? answer()
    if (given !== 'silence') send(response, given)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, region, calls, close }
}

/** An error as Lambda and the JSON protocols send it. */
export function refusal(status: number, name: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    body: { __type: name, message: `${name} for a test`, Message: `${name} for a test` },
    headers: { 'x-amzn-errortype': name, ...headers },
  }
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/xml' : 'application/json', ...headers })
  response.end(isText ? body : JSON.stringify(body))
}

interface Routed {
  readonly operation: string
  readonly answer: () => Answer
}

function answerTo(request: IncomingMessage, body: string, region: Region): Routed {
  const target = request.headers['x-amz-target']
  if (request.method === 'POST' && typeof target === 'string') {
    const input = JSON.parse(body) as Record<string, unknown>
    if (target === 'GraniteServiceVersion20100801.GetMetricData')
      return { operation: 'cloudwatch:GetMetricData', answer: () => metricData(input, region) }
    if (target.endsWith('CloudTrail_20131101.LookupEvents'))
      return {
        operation: 'cloudtrail:LookupEvents',
        answer: () => page(region.events, 'Events', input.NextToken, 'NextToken', region),
      }
  }
  if (request.method === 'POST' && body.includes('Action=GetCallerIdentity'))
    return { operation: 'sts:GetCallerIdentity', answer: callerIdentity }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  return lambdaAnswer(pathname.replace(/\/$/, ''), searchParams, region)
}

function lambdaAnswer(path: string, query: URLSearchParams, region: Region): Routed {
  const name = decodeURIComponent(path.split('/')[3] ?? '')
  const list = (items: readonly unknown[] = [], key: string) =>
    page(items, key, query.get('Marker') ?? undefined, 'NextMarker', region)
  const routes: Readonly<Record<string, Routed>> = {
    '/2016-08-19/account-settings': {
      operation: 'lambda:GetAccountSettings',
      answer: () => ({
        status: 200,
        body: {
          AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 900, TotalCodeSize: 80_000 },
          AccountUsage: { FunctionCount: region.functions.length, TotalCodeSize: 4_000 },
        },
      }),
    },
    '/2015-03-31/functions': {
      operation: 'lambda:ListFunctions',
      answer: () =>
        list(
          region.functions.filter(({ Version }) => query.get('FunctionVersion') === 'ALL' || Version === '$LATEST'),
          'Functions',
        ),
    },
    '/2015-03-31/event-source-mappings': {
      operation: 'lambda:ListEventSourceMappings',
      answer: () => list(region.eventSources, 'EventSourceMappings'),
    },
    [`/2015-03-31/functions/${name}/aliases`]: {
      operation: 'lambda:ListAliases',
      answer: () => list(region.aliases[name], 'Aliases'),
    },
    [`/2019-09-30/functions/${name}/concurrency`]: {
      operation: 'lambda:GetFunctionConcurrency',
      answer: () => ({
        status: 200,
        body: region.reserved[name] === undefined ? {} : { ReservedConcurrentExecutions: region.reserved[name] },
      }),
    },
    [`/2019-09-30/functions/${name}/provisioned-concurrency`]: {
      operation: 'lambda:ListProvisionedConcurrencyConfigs',
      answer: () => list(region.provisioned[name], 'ProvisionedConcurrencyConfigs'),
    },
    [`/2015-03-31/functions/${name}/policy`]: {
      operation: 'lambda:GetPolicy',
      answer: () =>
        region.policies[name] === undefined
          ? refusal(404, 'ResourceNotFoundException')
          : { status: 200, body: { Policy: JSON.stringify(region.policies[name]), RevisionId: 'r' } },
    },
  }
  return routes[path] ?? { operation: `unknown:${path}`, answer: () => refusal(404, 'UnknownOperationException') }
}

function page(items: readonly unknown[], key: string, token: unknown, nextKey: string, { pageSize }: Region): Answer {
  const first = Number(token ?? 0)
  const end = first + pageSize
  const body = { [key]: items.slice(first, end), ...(end < items.length ? { [nextKey]: `${end}` } : {}) }
  return { status: 200, body }
}

interface Query {
  readonly Id: string
  readonly MetricStat: {
    readonly Stat: string
    readonly Metric: { readonly MetricName: string; readonly Dimensions: readonly { readonly Value: string }[] }
  }
}

/** Answers a page of queries, with the points of the requested period. Times are seconds, as in JSON 1.0. */
function metricData(input: Record<string, unknown>, region: Region): Answer {
  const [from, to] = [Number(input.StartTime) * 1_000, Number(input.EndTime) * 1_000]
  const results = (input.MetricDataQueries as Query[]).map(({ Id, MetricStat: { Metric, Stat } }) => {
    const points = (region.points[`${Metric.MetricName}/${Metric.Dimensions[0]?.Value ?? ''}/${Stat}`] ?? []).filter(
      ([minute]) => Date.parse(minute) >= from && Date.parse(minute) < to,
    )
    return {
      Id,
      Label: Metric.MetricName,
      Timestamps: points.map(([minute]) => Date.parse(minute) / 1_000),
      Values: points.map(([, value]) => value),
      StatusCode: 'Complete',
    }
  })
  return page(results, 'MetricDataResults', input.NextToken, 'NextToken', region)
}

function callerIdentity(): Answer {
  return {
    status: 200,
    body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::${ACCOUNT}:assumed-role/agent/task</Arn><UserId>AROAEXAMPLE:task</UserId><Account>${ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  }
}

/** ARN of a function in the region. */
export function arn(name: string): string {
  return `arn:aws:lambda:eu-central-1:${ACCOUNT}:function:${name}`
}

/** A function as ListFunctions lists it. */
export function functionItem(name: string, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    FunctionName: name,
    FunctionArn: `${arn(name)}:${changes.Version ?? '$LATEST'}`,
    Runtime: 'nodejs24.x',
    Role: `arn:aws:iam::${ACCOUNT}:role/${name}`,
    Handler: 'index.handler',
    CodeSize: 1_024,
    Description: '',
    Timeout: 3,
    MemorySize: 128,
    LastModified: '2026-11-30T10:00:00.000+0000',
    CodeSha256: 'b2xkIGNvZGU=',
    Version: '$LATEST',
    TracingConfig: { Mode: 'PassThrough' },
    RevisionId: `${name}-1`,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: ['arm64'],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${name}` },
    ...changes,
  }
}
