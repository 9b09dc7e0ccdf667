import {
  type Connector,
  type ConnectorDescription,
  type DeploymentRequest,
  isRcaError,
  planDeployment,
  type RawConfig,
  type Registry,
  type RegistryProblem,
  type RenderedDeployment,
  secretOptionNames,
} from '@rca/core'
import { deployProblem } from './deploy-problem.ts'

/** A planned deployment. */
export interface DeploymentPlan {
  readonly deployment: RenderedDeployment
  /** Names of the request's options that hold a secret. */
  readonly secretOptions: readonly string[]
}

/** Runs the code of connectors that the platform needs: their options, and their deployment commands. */
export interface ConnectorHost {
  /** Connectors that cannot be used, as far as known. {@link describeAll} finds all. */
  problems(): readonly RegistryProblem[]
  /** Describes every connector that can be used, sorted by type. */
  describeAll(): Promise<ConnectorDescription[]>
  /** @throws {UnknownTypeError} @throws {ConnectorError} */
  describe(type: string): Promise<ConnectorDescription>
  /** @throws {UnknownTypeError} @throws {ConnectorError} @throws {ConfigError} and other errors of `planDeployment` */
  plan(type: string, request: DeploymentRequest): Promise<DeploymentPlan>
  /** Ends all threads. Idempotent. */
  close(): Promise<void>
}

/** Creates a host for connectors that the caller has imported. Their code runs in this thread. */
export function createConnectorHost(registry: Registry): ConnectorHost {
  return {
    problems: () => registry.problems,
    describeAll: () => registry.describe(),
    describe: (type) => registry.description(type),
    plan: async (type, request) => planWith(await registry.connector(type), `\`${type}\``, request),
    close: async () => undefined,
  }
}

/**
 * Plans a deployment. An error that `deploy` does not throw on purpose names the connector.
 *
 * @param name the connector's, for the error.
 */
export function planWith(connector: Connector, name: string, request: DeploymentRequest): DeploymentPlan {
  const config: RawConfig = request.config ?? {}
  try {
    return { deployment: planDeployment(connector, request), secretOptions: secretOptionNames(connector, config) }
  } catch (error) {
    throw isRcaError(error) ? error : deployProblem(name, error, connector, request)
  }
}
