import { type CollectContext, type ConnectContext, excludeNames } from '@rca/core/connector'
import type { FunctionVersion } from './aws/aws-api.ts'
import { openAws } from './aws/client.ts'
import { accountSignals } from './collectors/account.ts'
import type { LambdaConfig } from './config.ts'
import type { LambdaClient } from './lambda-client.ts'

/** Time for which collectors share one list of functions. */
const LIST_MAX_AGE_MS = 30_000

/**
 * Opens the clients. Reads account and limits, so that it fails without credentials or permissions.
 *
 * @throws AwsError
 */
export async function connect({ config, signal, log, keyedHash }: ConnectContext<LambdaConfig>): Promise<LambdaClient> {
  const aws = await openAws(config)
  try {
    const { accountId, partition } = await aws.identity(signal)
    await aws.accountSettings(signal)
    log.info({ account: accountId, region: aws.region }, 'connected to AWS Lambda')
    const isWatched = excludeNames(config.exclude_functions)
    return {
      config,
      aws,
      accountId,
      partition,
      entity: accountSignals.account.reference(`${accountId}/${aws.region}`),
      isWatched,
      keyedHash,
      listFunctions: shareFor(LIST_MAX_AGE_MS, async (signal) =>
        (await aws.listFunctions(signal)).filter(({ name }) => isWatched(name)),
      ),
    }
  } catch (error) {
    aws.close()
    throw error
  }
}

/** Shares the result of a successful read. Reads at the same time are not shared: each has a time limit of its own. */
function shareFor(
  maxAgeMs: number,
  read: (signal: AbortSignal) => Promise<readonly FunctionVersion[]>,
): LambdaClient['listFunctions'] {
  let last: { readonly at: number; readonly found: readonly FunctionVersion[] } | undefined
  return async ({ signal, now }: Pick<CollectContext, 'signal' | 'now'>) => {
    const age = last === undefined ? undefined : now().getTime() - last.at
    // The clock may have been set back.
    if (last !== undefined && age !== undefined && age >= 0 && age < maxAgeMs) return last.found
    const found = await read(signal)
    last = { at: now().getTime(), found }
    return found
  }
}
