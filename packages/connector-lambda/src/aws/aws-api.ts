/** The calls that the connector makes, behind types of its own. Lists are complete: all pages are read. */
export interface AwsApi {
  readonly region: string
  /** Returns the account of the credentials, and the partition of its ARNs, such as `aws` or `aws-cn`. */
  identity(signal: AbortSignal): Promise<{ readonly accountId: string; readonly partition: string }>
  accountSettings(signal: AbortSignal): Promise<AccountSettings>
  /** Lists all published versions, and the unpublished one (`$LATEST`), of all functions. */
  listFunctions(signal: AbortSignal): Promise<readonly FunctionVersion[]>
  listAliases(functionName: string, signal: AbortSignal): Promise<readonly Alias[]>
  listEventSources(signal: AbortSignal): Promise<readonly EventSource[]>
  /** Returns `undefined` for a function without reserved concurrency. */
  reservedConcurrency(functionName: string, signal: AbortSignal): Promise<number | undefined>
  provisionedConcurrency(functionName: string, signal: AbortSignal): Promise<readonly ProvisionedConcurrency[]>
  /** Returns the policy as JSON, or `undefined` for a function without one. */
  policy(functionName: string, signal: AbortSignal): Promise<string | undefined>
  metricData(
    queries: readonly MetricQuery[],
    period: { readonly from: Date; readonly to: Date },
    signal: AbortSignal,
  ): Promise<readonly MetricSeries[]>
  /** Returns changes that CloudTrail recorded, in any order. Calls that only read are left out. */
  lookUpChanges(
    period: { readonly from: Date; readonly to: Date },
    signal: AbortSignal,
  ): Promise<readonly RecordedCall[]>
  close(): void
}

export interface AccountSettings {
  readonly concurrencyLimit: number | undefined
  /** Part of the limit that no function reserves. */
  readonly unreservedConcurrency: number | undefined
  readonly codeSizeLimit: number | undefined
  readonly codeSize: number | undefined
  readonly functions: number | undefined
}

/** A version of a function. `environment` holds secrets: never report its values. */
export interface FunctionVersion {
  readonly name: string
  /** ARN of the function, without a version. */
  readonly functionArn: string
  /** `$LATEST` or a number. */
  readonly version: string
  readonly revision: string | undefined
  readonly lastModified: Date | undefined
  readonly codeSha256: string | undefined
  /** Bytes. */
  readonly codeSize: number | undefined
  readonly packageType: string | undefined
  readonly runtime: string | undefined
  readonly handler: string | undefined
  readonly architectures: readonly string[]
  /** MiB. */
  readonly memory: number | undefined
  /** Seconds. */
  readonly timeout: number | undefined
  /** MiB. */
  readonly ephemeralStorage: number | undefined
  readonly role: string | undefined
  readonly layers: readonly { readonly arn: string; readonly codeSize: number | undefined }[]
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
  readonly deadLetterTarget: string | undefined
  readonly kmsKey: string | undefined
  readonly tracing: string | undefined
  readonly snapStart: string | undefined
  readonly logGroup: string | undefined
  readonly logFormat: string | undefined
  readonly fileSystems: readonly string[]
  /** Entry point, command and working directory of an image, as JSON. */
  readonly imageConfig: string | undefined
  /** `undefined` if AWS could not decrypt the variables. */
  readonly environment: Readonly<Record<string, string>> | undefined
  readonly state: string | undefined
  readonly stateReason: string | undefined
  readonly updateStatus: string | undefined
  readonly updateReason: string | undefined
}

export interface Alias {
  readonly arn: string
  readonly name: string
  readonly version: string
  /** Shares of other versions, from 0 to 1. */
  readonly weights: Readonly<Record<string, number>>
}

export interface EventSource {
  readonly id: string
  /** Stream, queue or cluster; `undefined` for brokers outside of AWS. */
  readonly sourceArn: string | undefined
  /** ARN of the function, perhaps with a version or alias. */
  readonly targetArn: string
  readonly state: string | undefined
  readonly stateReason: string | undefined
  readonly lastResult: string | undefined
  readonly batchSize: number | undefined
  /** Settings by name, as text. */
  readonly settings: Readonly<Record<string, string>>
  /** Filters and credentials as JSON: patterns may contain personal data. */
  readonly privateSettings: string
}

export interface ProvisionedConcurrency {
  /** ARN of the version or alias. */
  readonly arn: string
  readonly requested: number | undefined
  readonly available: number | undefined
}

export interface MetricQuery {
  readonly metric: string
  /** `undefined` for all functions together. */
  readonly functionName: string | undefined
  /** `Sum`, `Maximum` or `p99`. */
  readonly statistic: string
}

/** Data points of one query, oldest first. */
export interface MetricSeries {
  readonly query: MetricQuery
  /** Reason why the points are not complete. */
  readonly problem: string | undefined
  readonly points: readonly { readonly at: Date; readonly value: number }[]
}

/** A call that CloudTrail recorded. */
export interface RecordedCall {
  readonly id: string
  readonly at: Date
  /** Name of the operation, without the version that some of Lambda's have. */
  readonly operation: string
  /** Name or ARN of the function. */
  readonly functionName: string | undefined
  readonly userName: string | undefined
  readonly userArn: string | undefined
  readonly address: string | undefined
  readonly userAgent: string | undefined
  readonly error: string | undefined
}

/** Length of a data point of `metricData`. */
export const METRIC_PERIOD_MS = 60_000
