import { parseConfig, type RawConfig } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { parseAgentToken } from '../platform/agent-token.ts'
import { parsePlatformUrl, platformUrlText } from '../platform/platform-url.ts'
import { describeDeployment, type RenderedDeployment } from './describe-deployment.ts'

/** For whom an agent is deployed. */
export interface DeploymentRequest {
  /** The platform's address as the agent will see it. */
  readonly platformUrl: string
  readonly agentToken: string
  /** Options as the operator wrote them. */
  readonly config?: RawConfig
  /** Operating system to assume where the operator names none: a value of `process.platform`. @default this machine's */
  readonly hostPlatform?: string
}

/**
 * How to deploy an agent of this connector: the command as text, and what belongs to it. Loads no client library and opens nothing.
 *
 * @throws {ConfigError} @throws {PlatformUrlError} @throws {AgentTokenError} @throws {ShellQuotingError} when a value cannot be written in the shell.
 */
export function planDeployment(connector: Connector, request: DeploymentRequest): RenderedDeployment {
  const { config, settings, deploymentSettings } = parseConfig(connector, request.config)
  const deployment = connector.deploy({
    platformUrl: platformUrlText(parsePlatformUrl(request.platformUrl)),
    agentToken: parseAgentToken(request.agentToken),
    agentType: connector.type,
    config,
    settings,
    deploymentSettings,
    hostPlatform: request.hostPlatform ?? process.platform,
  })
  return describeDeployment(deployment)
}
