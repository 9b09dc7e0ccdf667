import { createAgent, parseConfig, type Registry } from '@rca/core'
import { createLogger } from '../create-logger.ts'
import {
  type Environment,
  findMisspelt,
  readAgentToken,
  readAgentType,
  readConfig,
  readHealthPort,
  readPlatformUrl,
  readStateDirectory,
} from '../environment.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { type HealthServer, startHealthServer } from '../health-server.ts'

/** Runs an agent until SIGTERM or SIGINT, then delivers what is left. Returns the exit code. */
export async function run(registry: Registry, environment: Environment): Promise<number> {
  const platformUrl = readPlatformUrl(environment)
  const agentToken = readAgentToken(environment)
  const agentType = readAgentType(environment, registry)
  const healthPort = readHealthPort(environment)
  const stateDirectory = readStateDirectory(environment)
  const connector = await registry.connector(agentType)
  const config = await readConfig(environment, registry, agentType)
  const logger = createLogger(parseConfig(connector, config).runtime.log_level)
  const agent = createAgent({
    connector,
    platformUrl,
    agentToken,
    config,
    logger,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  })

  const stopRequested = nextSignal()
  // A connector's forgotten promise must not end the agent: its other collectors go on.
  process.on('unhandledRejection', (reason) =>
    logger.error({ reason: String(reason) }, 'a promise was rejected and nobody handled it'),
  )
  for (const problem of registry.problems) logger.warn({ package: problem.package }, problem.message)
  for (const { name, meant } of await findMisspelt(environment, registry, agentType))
    logger.warn({ variable: name }, `${name} is not read. Did you mean ${meant}?`)

  const health = healthPort === undefined ? undefined : await startHealth(agent, healthPort, logger)
  await agent.start()
  logger.info({ agent_type: agentType, platform_url: platformUrl, health_url: health?.url }, 'the agent runs')

  const signal = await stopRequested
  logger.info({ signal }, 'stopping: delivering what is left')
  await agent.stop()
  await health?.close()
  logger.info({}, 'stopped')
  return EXIT_CODES.ok
}

async function startHealth(
  agent: Parameters<typeof startHealthServer>[0],
  port: number,
  logger: ReturnType<typeof createLogger>,
): Promise<HealthServer | undefined> {
  try {
    return await startHealthServer(agent, port)
  } catch (error) {
    // Two agents on one machine are legitimate; watching goes before being watched.
    logger.warn(
      { port },
      `the health endpoint is off, since its port cannot be used: ${(error as Error).message}. Set RCA_HEALTH_PORT to another port, or to \`off\``,
    )
    return undefined
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
}
