import { parseConfig, type RawConfig } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { parseAgentToken } from '../platform/agent-token.ts'
import { parsePlatformUrl, platformUrlText } from '../platform/platform-url.ts'
import { describeDeployment, type RenderedDeployment } from './describe-deployment.ts'

/** Argument of {@link planDeployment}. */
export interface DeploymentRequest {
  /** The platform's address as the agent uses it. */
  readonly platformUrl: string
  readonly agentToken: string
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
