import { connectContext } from '@rca/connector-testkit'
import { configSchema } from '../src/config.ts'
import { connect } from '../src/connect.ts'
import type { LambdaClient } from '../src/lambda-client.ts'
import type { AwsServer } from './aws-server.ts'

/** Connects to a server, with a list of functions that is read for each collector. */
export async function openClient(
  { url }: AwsServer,
  config: Readonly<Record<string, unknown>> = {},
): Promise<LambdaClient> {
  const parsed = configSchema.parse({ aws_region: 'eu-central-1', aws_endpoint_url: url, ...config })
  const client = await connect(connectContext(parsed))
  return {
    ...client,
    listFunctions: async ({ signal }) =>
      (await client.aws.listFunctions(signal)).filter(({ name }) => client.isWatched(name)),
  }
}
