/** The fields of the SDK's answers that are read. Every one of them may be missing. */
type Answered<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined }

export type FunctionAnswer = Answered<{
  FunctionArn: string
  FunctionName: string
  Version: string
  RevisionId: string
  LastModified: string
  CodeSha256: string
  CodeSize: number
  PackageType: string
  Runtime: string
  Handler: string
  Architectures: readonly string[]
  MemorySize: number
  Timeout: number
  EphemeralStorage: Answered<{ Size: number }>
  Role: string
  Layers: readonly Answered<{ Arn: string; CodeSize: number }>[]
  VpcConfig: Answered<{ SubnetIds: readonly string[]; SecurityGroupIds: readonly string[] }>
  DeadLetterConfig: Answered<{ TargetArn: string }>
  KMSKeyArn: string
  TracingConfig: Answered<{ Mode: string }>
  SnapStart: Answered<{ ApplyOn: string }>
  LoggingConfig: Answered<{ LogGroup: string; LogFormat: string }>
  FileSystemConfigs: readonly Answered<{ Arn: string; LocalMountPath: string }>[]
  ImageConfigResponse: Answered<{ ImageConfig: object }>
  Environment: Answered<{ Variables: Readonly<Record<string, string>>; Error: object }>
  State: string
  StateReasonCode: string
  LastUpdateStatus: string
  LastUpdateStatusReasonCode: string
}>

export type AliasAnswer = Answered<{
  AliasArn: string
  Name: string
  FunctionVersion: string
  RoutingConfig: Answered<{ AdditionalVersionWeights: Readonly<Record<string, number>> }>
}>

export type EventSourceAnswer = Answered<{
  UUID: string
  EventSourceArn: string
  FunctionArn: string
  State: string
  StateTransitionReason: string
  LastProcessingResult: string
  BatchSize: number
  MaximumBatchingWindowInSeconds: number
  ParallelizationFactor: number
  StartingPosition: string
  MaximumRecordAgeInSeconds: number
  MaximumRetryAttempts: number
  BisectBatchOnFunctionError: boolean
  TumblingWindowInSeconds: number
  ScalingConfig: Answered<{ MaximumConcurrency: number }>
  DestinationConfig: Answered<{ OnFailure: Answered<{ Destination: string }> }>
  FunctionResponseTypes: readonly string[]
  Topics: readonly string[]
  Queues: readonly string[]
  FilterCriteria: object
  SourceAccessConfigurations: readonly object[]
  SelfManagedEventSource: object
  AmazonManagedKafkaEventSourceConfig: object
  SelfManagedKafkaEventSourceConfig: object
  DocumentDBEventSourceConfig: object
}>

export type RecordedEventAnswer = Answered<{
  EventId: string
  EventTime: Date
  EventName: string
  /** `true` or `false`. */
  ReadOnly: string
  Username: string
  /** The record, as JSON. */
  CloudTrailEvent: string
}>
