import type { CollectContext, EntityReference, NameFilter } from '@rca/core/connector'
import type { AwsApi, FunctionVersion } from './aws/aws-api.ts'
import type { LambdaConfig } from './config.ts'

/** Connection to Lambda in one region of an account. */
export interface LambdaClient {
  readonly config: LambdaConfig
  readonly aws: AwsApi
  readonly accountId: string
  /** First part of ARNs: `aws`, or `aws-cn` in China. */
  readonly partition: string
  readonly entity: EntityReference
  readonly isWatched: NameFilter
  readonly keyedHash: (text: string) => string
  /** Lists all versions of the functions that are not excluded, at most once in 30 seconds. */
  listFunctions(context: Pick<CollectContext, 'signal' | 'now'>): Promise<readonly FunctionVersion[]>
}
