import { configFromEnvironment, createAgent, type Registry } from '@rca/core'
import { createLogger } from '../create-logger.ts'
import { type Environment, readAgentType } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'

/** Prints one report as JSON, without platform or token. Returns the exit code. */
export async function collect(registry: Registry, environment: Environment, type: string | undefined): Promise<number> {
  const connector = await registry.connector(type ?? readAgentType(environment, registry))
  const config = configFromEnvironment(connector, environment)
  // Nothing is sent: address and token only have to be well-formed.
  const agent = createAgent({
    connector,
    platformUrl: 'http://127.0.0.1',
    agentToken: 'unused',
    config,
    logger: createLogger('warn'),
  })
  try {
    process.stdout.write(`${JSON.stringify(await agent.collectMetrics(), undefined, 2)}\n`)
    return EXIT_CODES.ok
  } catch (error) {
    process.stderr.write(`${connector.title} cannot be read: ${(error as Error).message}\n`)
    return EXIT_CODES.unhealthy
  } finally {
    await agent.stop()
  }
}
