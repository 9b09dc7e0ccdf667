import type { LambdaConfig } from '../config.ts'
import { type AwsApi, METRIC_PERIOD_MS, type MetricQuery, type MetricSeries } from './aws-api.ts'
import { AwsError, isAwsError, toAwsError } from './aws-error.ts'
import { obeyRetryAfter } from './throttle-guard.ts'
import { toAlias, toEventSource, toFunctionVersion, toRecordedCall } from './translate.ts'

/** Maximum number of queries in a request of GetMetricData. */
const MAX_QUERIES = 500

/** Maximum number of attempts of a request that fails for a moment. */
const MAX_ATTEMPTS = 3

/** Opens clients of the services. Sends nothing. Credentials and region come from the SDK's default providers. */
export async function openAws(
  config: Pick<LambdaConfig, 'aws_region' | 'aws_endpoint_url'>,
  now: () => number = Date.now,
): Promise<AwsApi> {
  const [lambda, cloudWatch, cloudTrail, sts] = await Promise.all([
    import('@aws-sdk/client-lambda'),
    import('@aws-sdk/client-cloudwatch'),
    import('@aws-sdk/client-cloudtrail'),
    import('@aws-sdk/client-sts'),
  ])
  const options = {
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
    ...(config.aws_region === undefined ? {} : { region: config.aws_region }),
    ...(config.aws_endpoint_url === undefined ? {} : { endpoint: config.aws_endpoint_url }),
  }
  const clients = {
    lambda: new lambda.LambdaClient(options),
    cloudwatch: new cloudWatch.CloudWatchClient(options),
    cloudtrail: new cloudTrail.CloudTrailClient(options),
    sts: new sts.STSClient(options),
  }
  for (const [service, client] of Object.entries(clients)) obeyRetryAfter(client, service, now)
  const region = await clients.lambda.config.region().catch((error: unknown) => {
    throw new AwsError('failed', 'The AWS region is not known. Set `aws_region`, such as `eu-central-1`', {
      cause: error,
    })
  })

  const call = <Answer>(action: string, signal: AbortSignal, send: () => Promise<Answer>): Promise<Answer> =>
    untilAborted(send, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      throw toAwsError(error, action, region)
    })
  /** Reads all pages. A page without its list is not an empty one. */
  const readAll = <Page, Item>(
    action: string,
    signal: AbortSignal,
    pages: AsyncIterable<Page>,
    list: (page: Page) => readonly Item[] | undefined,
  ): Promise<readonly Item[]> =>
    call(action, signal, async () => {
      const items: Item[] = []
      for await (const page of pages) {
        const found = list(page)
        if (found === undefined) throw new AwsError('failed', `AWS answered ${action} in ${region} without the list`)
        items.push(...found)
      }
      return items
    })
  /** Options of a paginator, which ends if AWS sends the same page again. */
  const paged = <Client>(client: Client) => ({ client, stopOnSameToken: true })

  return {
    region,
    identity: (signal) =>
      call('sts:GetCallerIdentity', signal, async () => {
        const { Account, Arn } = await clients.sts.send(new sts.GetCallerIdentityCommand(), sending(signal))
        if (Account === undefined) throw new Error('the answer has no account')
        return { accountId: Account, partition: Arn?.split(':')[1] ?? 'aws' }
      }),
    accountSettings: (signal) =>
      call('lambda:GetAccountSettings', signal, async () => {
        const { AccountLimit, AccountUsage } = await clients.lambda.send(
          new lambda.GetAccountSettingsCommand(),
          sending(signal),
        )
        if (AccountLimit === undefined) throw new Error('the answer has no limits')
        return {
          concurrencyLimit: AccountLimit.ConcurrentExecutions,
          unreservedConcurrency: AccountLimit.UnreservedConcurrentExecutions,
          codeSizeLimit: AccountLimit.TotalCodeSize,
          codeSize: AccountUsage?.TotalCodeSize,
          functions: AccountUsage?.FunctionCount,
        }
      }),
    listFunctions: async (signal) => {
      const pages = lambda.paginateListFunctions(paged(clients.lambda), { FunctionVersion: 'ALL' }, sending(signal))
      const found = await readAll('lambda:ListFunctions', signal, pages, ({ Functions }) => Functions)
      return found.map(toFunctionVersion).filter((version) => version !== undefined)
    },
    listAliases: async (FunctionName, signal) => {
      const pages = lambda.paginateListAliases(paged(clients.lambda), { FunctionName }, sending(signal))
      const found = await readAll('lambda:ListAliases', signal, pages, ({ Aliases }) => Aliases)
      return found.map(toAlias).filter((alias) => alias !== undefined)
    },
    listEventSources: async (signal) => {
      const pages = lambda.paginateListEventSourceMappings(paged(clients.lambda), {}, sending(signal))
      const found = await readAll(
        'lambda:ListEventSourceMappings',
        signal,
        pages,
        ({ EventSourceMappings }) => EventSourceMappings,
      )
      return found.map(toEventSource).filter((source) => source !== undefined)
    },
    reservedConcurrency: (FunctionName, signal) =>
      call('lambda:GetFunctionConcurrency', signal, async () => {
        const command = new lambda.GetFunctionConcurrencyCommand({ FunctionName })
        return (await clients.lambda.send(command, sending(signal))).ReservedConcurrentExecutions
      }),
    provisionedConcurrency: async (FunctionName, signal) => {
      const pages = lambda.paginateListProvisionedConcurrencyConfigs(
        paged(clients.lambda),
        { FunctionName },
        sending(signal),
      )
      const found = await readAll(
        'lambda:ListProvisionedConcurrencyConfigs',
        signal,
        pages,
        ({ ProvisionedConcurrencyConfigs }) => ProvisionedConcurrencyConfigs,
      )
      return found.flatMap((item) =>
        item.FunctionArn === undefined
          ? []
          : [
              {
                arn: item.FunctionArn,
                requested: item.RequestedProvisionedConcurrentExecutions,
                available: item.AvailableProvisionedConcurrentExecutions,
              },
            ],
      )
    },
    policy: async (FunctionName, signal) => {
      try {
        return await call('lambda:GetPolicy', signal, async () => {
          const command = new lambda.GetPolicyCommand({ FunctionName })
          return (await clients.lambda.send(command, sending(signal))).Policy
        })
      } catch (error) {
        if (isAwsError(error, 'not-found')) return undefined
        throw error
      }
    },
    metricData: async (queries, { from, to }, signal) => {
      const series: MetricSeries[] = []
      for (let first = 0; first < queries.length; first += MAX_QUERIES) {
        const some = queries.slice(first, first + MAX_QUERIES)
        const pages = cloudWatch.paginateGetMetricData(
          paged(clients.cloudwatch),
          {
            StartTime: from,
            EndTime: to,
            ScanBy: 'TimestampAscending',
            MetricDataQueries: some.map((query, index) => ({
              Id: `q${index}`,
              MetricStat: { Metric: metricOf(query), Period: METRIC_PERIOD_MS / 1_000, Stat: query.statistic },
            })),
          },
          sending(signal),
        )
        const found = await readAll(
          'cloudwatch:GetMetricData',
          signal,
          pages,
          ({ MetricDataResults }) => MetricDataResults,
        )
        series.push(
          ...some.map((query, index) => {
            // A series may continue on later pages.
            const parts = found.filter(({ Id }) => Id === `q${index}`)
            const last = parts.at(-1)
            const said = last?.Messages?.map(({ Value }) => Value).join('; ')
            return {
              query,
              problem:
                last?.StatusCode === 'Complete'
                  ? undefined
                  : `CloudWatch answered ${last?.StatusCode ?? 'nothing'}${said === undefined || said === '' ? '' : `: ${said}`}`,
              points: parts.flatMap(({ Timestamps = [], Values = [] }) =>
                Timestamps.flatMap((at, point) => {
                  const value = Values[point]
                  return value === undefined ? [] : [{ at, value }]
                }),
              ),
            }
          }),
        )
      }
      return series
    },
    lookUpChanges: async ({ from, to }, signal) => {
      const pages = cloudTrail.paginateLookupEvents(
        paged(clients.cloudtrail),
        {
          StartTime: from,
          EndTime: to,
          LookupAttributes: [{ AttributeKey: 'EventSource', AttributeValue: 'lambda.amazonaws.com' }],
        },
        sending(signal),
      )
      const found = await readAll('cloudtrail:LookupEvents', signal, pages, ({ Events }) => Events)
      return found.map(toRecordedCall).filter((recorded) => recorded !== undefined)
    },
    close: () => {
      for (const client of Object.values(clients)) client.destroy()
    },
  }
}

function metricOf({ metric, functionName }: MetricQuery) {
  return {
    Namespace: 'AWS/Lambda',
    MetricName: metric,
    Dimensions: functionName === undefined ? [] : [{ Name: 'FunctionName', Value: functionName }],
  }
}

/** Options of each request. */
function sending(signal: AbortSignal) {
  return { abortSignal: signal }
}

/** Rejects when the signal aborts. The SDK notices it only while a request is under way, not between attempts. */
async function untilAborted<Answer>(send: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([send(), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
