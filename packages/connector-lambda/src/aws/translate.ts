import { z } from 'zod'
import type { Alias, EventSource, FunctionVersion, RecordedCall } from './aws-api.ts'
import { functionArnOf } from './function-arn.ts'
import type { AliasAnswer, EventSourceAnswer, FunctionAnswer, RecordedEventAnswer } from './sdk-shapes.ts'

/** Returns `undefined` for an item without ARN or name, which cannot be distinguished from others. */
export function toFunctionVersion(item: FunctionAnswer): FunctionVersion | undefined {
  const { FunctionArn, FunctionName, Environment, ImageConfigResponse } = item
  if (FunctionArn === undefined || FunctionName === undefined) return undefined
  const hasEnvironment = Environment?.Error === undefined
  return {
    name: FunctionName,
    functionArn: functionArnOf(FunctionArn),
    version: item.Version ?? '$LATEST',
    revision: item.RevisionId,
    lastModified: parseTime(item.LastModified),
    codeSha256: item.CodeSha256,
    codeSize: item.CodeSize,
    packageType: item.PackageType,
    runtime: item.Runtime,
    handler: item.Handler,
    architectures: item.Architectures ?? [],
    memory: item.MemorySize,
    timeout: item.Timeout,
    ephemeralStorage: item.EphemeralStorage?.Size,
    role: item.Role,
    layers: (item.Layers ?? []).flatMap(({ Arn, CodeSize }) =>
      Arn === undefined ? [] : [{ arn: Arn, codeSize: CodeSize }],
    ),
    subnets: item.VpcConfig?.SubnetIds ?? [],
    securityGroups: item.VpcConfig?.SecurityGroupIds ?? [],
    deadLetterTarget: item.DeadLetterConfig?.TargetArn,
    kmsKey: item.KMSKeyArn,
    tracing: item.TracingConfig?.Mode,
    snapStart: item.SnapStart?.ApplyOn,
    logGroup: item.LoggingConfig?.LogGroup,
    logFormat: item.LoggingConfig?.LogFormat,
    fileSystems: (item.FileSystemConfigs ?? []).map(({ Arn, LocalMountPath }) => `${LocalMountPath}=${Arn}`),
    imageConfig:
      ImageConfigResponse?.ImageConfig === undefined ? undefined : JSON.stringify(ImageConfigResponse.ImageConfig),
    environment: hasEnvironment ? (Environment?.Variables ?? {}) : undefined,
    state: item.State,
    stateReason: item.StateReasonCode,
    updateStatus: item.LastUpdateStatus,
    updateReason: item.LastUpdateStatusReasonCode,
  }
}

export function toAlias({ AliasArn, Name, FunctionVersion, RoutingConfig }: AliasAnswer): Alias | undefined {
  if (AliasArn === undefined || Name === undefined || FunctionVersion === undefined) return undefined
  return { arn: AliasArn, name: Name, version: FunctionVersion, weights: RoutingConfig?.AdditionalVersionWeights ?? {} }
}

export function toEventSource(item: EventSourceAnswer): EventSource | undefined {
  if (item.UUID === undefined || item.FunctionArn === undefined) return undefined
  const settings = {
    batch_size: item.BatchSize,
    batching_window: item.MaximumBatchingWindowInSeconds,
    parallelization_factor: item.ParallelizationFactor,
    starting_position: item.StartingPosition,
    maximum_record_age: item.MaximumRecordAgeInSeconds,
    maximum_retry_attempts: item.MaximumRetryAttempts,
    bisect_batch_on_error: item.BisectBatchOnFunctionError,
    tumbling_window: item.TumblingWindowInSeconds,
    maximum_concurrency: item.ScalingConfig?.MaximumConcurrency,
    on_failure: item.DestinationConfig?.OnFailure?.Destination,
    response_types: item.FunctionResponseTypes?.join(', '),
    topics: item.Topics?.join(', '),
    queues: item.Queues?.join(', '),
  }
  return {
    id: item.UUID,
    sourceArn: item.EventSourceArn,
    targetArn: item.FunctionArn,
    state: item.State,
    stateReason: item.StateTransitionReason,
    lastResult: item.LastProcessingResult,
    batchSize: item.BatchSize,
    settings: Object.fromEntries(
      Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    ),
    privateSettings: JSON.stringify([
      item.FilterCriteria,
      item.SourceAccessConfigurations,
      item.SelfManagedEventSource,
      item.AmazonManagedKafkaEventSourceConfig,
      item.SelfManagedKafkaEventSourceConfig,
      item.DocumentDBEventSourceConfig,
    ]),
  }
}

/** The parts of a CloudTrail record that are reported. All other parts may hold secrets. */
const recordSchema = z.object({
  userIdentity: z.object({ arn: z.string().optional() }).optional().catch(undefined),
  sourceIPAddress: z.string().optional().catch(undefined),
  userAgent: z.string().optional().catch(undefined),
  errorCode: z.string().optional().catch(undefined),
  requestParameters: z.object({ functionName: z.string().optional() }).nullish().catch(undefined),
})

/** Returns `undefined` for a call that only reads. */
export function toRecordedCall(event: RecordedEventAnswer): RecordedCall | undefined {
  const { EventId, EventTime, EventName, ReadOnly, Username, CloudTrailEvent } = event
  if (EventId === undefined || EventTime === undefined || EventName === undefined || ReadOnly === 'true')
    return undefined
  const record = recordSchema.safeParse(parseJson(CloudTrailEvent)).data
  return {
    id: EventId,
    at: EventTime,
    // Lambda's older operations end with the version of its API: `UpdateFunctionCode20150331v2`.
    operation: EventName.replace(/\d{8}(?:v\d+)?$/, ''),
    functionName: record?.requestParameters?.functionName,
    userName: Username,
    userArn: record?.userIdentity?.arn,
    address: record?.sourceIPAddress,
    userAgent: record?.userAgent,
    error: record?.errorCode,
  }
}

/** Lambda writes `2026-11-30T18:00:00.000+0000`. */
function parseTime(text: string | undefined): Date | undefined {
  const time = new Date(text?.replace(/([+-]\d\d)(\d\d)$/, '$1:$2') ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? undefined : time
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
