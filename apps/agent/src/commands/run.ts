import { createAgent, parseConfig, type Registry } from '@rca/core'
import { readAgentOptions } from '../agent-options.ts'
import { createLogger } from '../create-logger.ts'
import { type Environment, findMisspelt, type HealthAddress, readHealthAddress } from '../environment.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { type HealthServer, startHealthServer } from '../health-server.ts'
import type { StopRequests } from '../stop-requests.ts'

/** Runs an agent until SIGTERM or SIGINT, then delivers what is left. Returns the exit code. */
export async function run(registry: Registry, environment: Environment, stop: StopRequests): Promise<number> {
  const options = await readAgentOptions(environment, registry)
  const healthAddress = readHealthAddress(environment)
  const { connector, platformUrl, agentToken, config } = options
  const { runtime, secrets } = parseConfig(connector, config)
  const logger = createLogger(runtime.log_level)
  const agent = createAgent({ ...options, logger })

  // A connector's forgotten promise must not end the agent: its other collectors go on.
  process.on('unhandledRejection', (reason) => {
    const text = [agentToken, ...secrets].reduce(
      (shown, secret) => shown.replaceAll(secret, '[redacted]'),
      String(reason),
    )
    logger.error({ reason: text }, 'a promise was rejected and nobody handled it')
  })
  for (const problem of registry.problems) logger.warn({ package: problem.package }, problem.message)
  for (const { name, meant } of findMisspelt(environment, connector))
    logger.warn({ variable: name }, `${name} is not read. Did you mean ${meant}?`)

  const health = healthAddress === undefined ? undefined : await startHealth(agent, healthAddress, logger)
  await Promise.race([agent.start(), stop.first])
  logger.info({ agent_type: agent.agentType, platform_url: platformUrl, health_url: health?.url }, 'the agent runs')

  const signal = await stop.first
  logger.info({ signal }, 'stopping: delivering what is left')
  await agent.stop()
  await health?.close()
  logger.info({}, 'stopped')
  return EXIT_CODES.ok
}

async function startHealth(
  agent: Parameters<typeof startHealthServer>[0],
  address: HealthAddress,
  logger: ReturnType<typeof createLogger>,
): Promise<HealthServer | undefined> {
  try {
    return await startHealthServer(agent, address)
  } catch (error) {
    // Two agents on one machine are legitimate; watching goes before being watched.
    logger.warn(
      { ...address },
      `the health endpoint is off, since its address cannot be used: ${(error as Error).message}. Set RCA_HEALTH_PORT to another port, or to \`off\``,
    )
    return undefined
  }
}
