import { type Collector, entity } from '@rca/core/connector'
import type { LambdaClient } from '../lambda-client.ts'
import { gauge } from '../metrics.ts'

export const accountSignals = {
  account: entity({
    type: 'aws.lambda.account',
    description: 'Lambda in one region of an AWS account.',
    attributes: {
      'cloud.provider': '`aws`.',
      'cloud.platform': '`aws_lambda`.',
      'cloud.account.id': 'Number of the account.',
      'cloud.region': 'The region.',
    },
  }),
  concurrencyLimit: gauge(
    'aws.lambda.concurrency.limit',
    '{execution}',
    'Executions that all functions may have at the same time.',
  ),
  unreservedConcurrency: gauge(
    'aws.lambda.concurrency.unreserved',
    '{execution}',
    'Part of the limit that functions without reserved concurrency share.',
  ),
  functionCount: gauge('aws.lambda.functions', '{function}', 'Functions in the region.'),
  codeSize: gauge('aws.lambda.code.size', 'By', 'Size of the code of all functions and layers.'),
  codeSizeLimit: gauge('aws.lambda.code.limit', 'By', 'Size that the code of all functions and layers may have.'),
}

/** Limits of the account in the region, which all functions share. */
export const account: Collector<LambdaClient> = {
  interval: '5m',
  timeout: '30s',
  async collect({ aws, accountId, entity }, { signal }) {
    const settings = await aws.accountSettings(signal)
    return {
      entities: [
        accountSignals.account.entity({
          id: entity.id,
          attributes: {
            'cloud.provider': 'aws',
            'cloud.platform': 'aws_lambda',
            'cloud.account.id': accountId,
            'cloud.region': aws.region,
          },
        }),
      ],
      metrics: [
        accountSignals.concurrencyLimit.point(settings.concurrencyLimit, entity),
        accountSignals.unreservedConcurrency.point(settings.unreservedConcurrency, entity),
        accountSignals.functionCount.point(settings.functions, entity),
        accountSignals.codeSize.point(settings.codeSize, entity),
        accountSignals.codeSizeLimit.point(settings.codeSizeLimit, entity),
      ],
    }
  },
}
