import { agentConfigJsonSchema, parseConfig, type RawConfig } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { ConfigError } from '../errors/config-error.ts'
import { parseAgentToken } from '../platform/agent-token.ts'
import { parsePlatformUrl, platformUrlText } from '../platform/platform-url.ts'
import { describeDeployment, type RenderedDeployment } from './describe-deployment.ts'

/** Argument of {@link planDeployment}. */
export interface DeploymentRequest {
  /** The platform's address as the agent uses it. */
  readonly platformUrl: string
  readonly agentToken: string
  /** The environment of the agent. */
  readonly environmentName?: string
  /** Options as the operator wrote them. */
  readonly config?: RawConfig
  /** Operating system to deploy to if the operator names none. @default this machine's `process.platform` */
  readonly hostPlatform?: string
}

/**
 * Plans how to deploy an agent. Loads no client library and opens nothing.
 *
 * @throws {ConfigError} @throws {PlatformUrlError} @throws {AgentTokenError} @throws {ShellQuotingError}
 */
export function planDeployment(connector: Connector, request: DeploymentRequest): RenderedDeployment {
  const { config, settings, deploymentSettings } = parseConfig(connector, request.config)
  checkRequired(connector, request.config)
  const deployment = connector.deploy({
    platformUrl: platformUrlText(parsePlatformUrl(request.platformUrl)),
    agentToken: parseAgentToken(request.agentToken),
    agentType: connector.type,
    ...(request.environmentName === undefined ? {} : { environmentName: request.environmentName }),
    config,
    settings,
    deploymentSettings,
    hostPlatform: request.hostPlatform ?? process.platform,
  })
  return describeDeployment(deployment)
}

/** @throws {ConfigError} if an option is missing that every deployment needs */
function checkRequired(connector: Connector, config: RawConfig = {}): void {
  const properties = Object.entries(agentConfigJsonSchema(connector).properties ?? {})
  const missing = properties.filter(
    ([name, option]) => option.deploymentRequired === true && config[name] === undefined,
  )
  if (missing.length === 0) return
  const issues = missing.map(([name, { description = '' }]) => ({
    path: [name],
    message: `is required to deploy the agent. ${String(description)}`.trim(),
  }))
  throw new ConfigError(connector.type, issues)
}
