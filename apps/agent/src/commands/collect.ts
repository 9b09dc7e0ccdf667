import { configFromEnvironment, createAgent, type Registry } from '@rca/core'
import { createLogger } from '../create-logger.ts'
import { type Environment, readAgentType } from '../environment.ts'
import { EXIT_CODES } from '../exit-codes.ts'

/** Prints one report as JSON. Needs neither platform nor token. Returns the exit code. */
export async function collect(registry: Registry, environment: Environment, type: string | undefined): Promise<number> {
  const agentType = type ?? readAgentType(environment, registry)
  const connector = await registry.connector(agentType)
  const config = configFromEnvironment(connector, environment)
  const logger = createLogger('warn')
  // Nothing is sent anywhere: address and token only have to be well-formed.
  const agent = createAgent({ connector, platformUrl: 'http://127.0.0.1', agentToken: 'unused', config, logger })
  try {
    const report = await agent.collectMetrics()
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
    return EXIT_CODES.ok
  } catch (error) {
    process.stderr.write(`${connector.title} cannot be read: ${(error as Error).message}\n`)
    return EXIT_CODES.unhealthy
  } finally {
    await agent.stop()
  }
}
