import { createAgent, createSecretReplacer, parseConfig, type Registry } from '@rca/core'
import { redactSecrets } from '@rca/core/connector'
import { createLogger } from '../create-logger.ts'
import {
  type Environment,
  findMisspelt,
  type HealthAddress,
  readAgentOptions,
  readHealthAddress,
} from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { type HealthServer, startHealthServer } from '../health-server.ts'
import { releaseMemoryRegularly } from '../idle-memory.ts'
import { watchOpenResources } from '../open-resources.ts'
import { logProcessErrors } from '../process-errors.ts'
import { useProxy } from '../proxy.ts'

/** Time to deliver what was collected. Docker kills a process after 10 s; systemd, OpenRC and Kubernetes after 30 s. */
const STOP_TIMEOUT = '9s'

/** Runs an agent until `stop` resolves with a signal, then sends the remaining reports. Returns the exit code. */
export async function run(
  registry: Registry,
  environment: Environment,
  stop: Promise<NodeJS.Signals>,
  makeLogger: typeof createLogger = createLogger,
): Promise<number> {
  const options = await readAgentOptions(environment, registry)
  const healthAddress = readHealthAddress(environment)
  const { connector, connectorOrigin, platformUrl, agentToken, config } = options
  const { runtime, secrets } = parseConfig(connector, config)
  const logger = makeLogger(runtime.log_level)
  const { proxy, problem } = useProxy(environment, connector.type)
  const logOpenResources = watchOpenResources()
  const agent = createAgent({ ...options, logger })

  const withoutSecrets = createSecretReplacer([agentToken, ...secrets])
  // The agent's key, which only core knows.
  const redact = (text: string): string =>
    redactSecrets(withoutSecrets(text).replaceAll(/agentkey_[\w-]+/g, '[redacted]'))
  const origin = registry.origin(connector.type)
  const permitExit = logProcessErrors({
    logger,
    agentType: connector.type,
    redact,
    agent,
    ...(origin === undefined ? {} : { package: { name: origin.package, version: origin.version } }),
  })
  void stop.then(permitExit)
  for (const { package: name, message } of registry.problems)
    logger.warn({ package: name, reason: message }, 'connector package cannot be used')
  for (const { package: name, message } of registry.warnings)
    logger.warn({ package: name, reason: message }, 'connector package should be corrected')
  for (const { name, suggestion } of findMisspelt(environment, connector))
    logger.warn({ variable: name, suggestion }, 'unknown environment variable ignored')

  if (problem !== undefined) logger.warn({ reason: problem }, 'proxy of the environment is not used')

  const health = healthAddress === undefined ? undefined : await startHealth(agent, healthAddress, logger)
  await Promise.race([agent.start(), stop])
  const started = {
    agent_type: agent.agentType,
    connector: connectorOrigin,
    platform_url: platformUrl,
    proxy,
    health_url: health?.url,
  }
  logger.info(started, 'agent started')

  releaseMemoryRegularly()
  const signal = await stop
  logger.info({ signal }, 'stopping: sending the remaining reports')
  await agent.stop({ timeout: STOP_TIMEOUT })
  await health?.close()
  await logOpenResources(agent.agentType, logger)
  logger.info({}, 'stopped')
  return EXIT_CODES.ok
}

async function startHealth(
  agent: Parameters<typeof startHealthServer>[0],
  address: HealthAddress,
  logger: ReturnType<typeof createLogger>,
): Promise<HealthServer | undefined> {
  try {
    return await startHealthServer(agent, address, logger)
  } catch (error) {
    // Two agents on one machine are legitimate: an agent without a health endpoint is better than none.
    logger.warn(
      { ...address, reason: (error as Error).message },
      'health endpoint is off: its address cannot be used. Set RCA_HEALTH_PORT to another port, or to `off`',
    )
    return undefined
  }
}
