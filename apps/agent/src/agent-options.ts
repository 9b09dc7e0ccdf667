import { type AgentOptions, configFromEnvironment, type Registry } from '@rca/core'
import { type Environment, readAgentToken, readAgentType, readPlatformUrl, readStateDirectory } from './environment.ts'

/** What an agent is made from, as the environment says it. @throws {EnvironmentError} @throws {UnknownTypeError} */
export async function readAgentOptions(
  environment: Environment,
  registry: Registry,
): Promise<Omit<AgentOptions, 'logger'> & { readonly config: NonNullable<AgentOptions['config']> }> {
  const platformUrl = readPlatformUrl(environment)
  const agentToken = readAgentToken(environment)
  const connector = await registry.connector(readAgentType(environment, registry))
  const stateDirectory = readStateDirectory(environment)
  return {
    connector,
    platformUrl,
    agentToken,
    config: configFromEnvironment(connector, environment),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  }
}
