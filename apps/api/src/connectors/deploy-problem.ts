import { type Connector, ConnectorError, createSecretReplacer, type DeploymentRequest, parseConfig } from '@rca/core'

/** Returns the error for a `deploy` that threw something unexpected. Contains none of the request's secrets. */
export function deployProblem(
  name: string,
  error: unknown,
  connector: Connector,
  { agentToken, config }: DeploymentRequest,
): ConnectorError {
  const { secrets } = parseConfig(connector, config)
  const redact = createSecretReplacer([agentToken, ...secrets])
  const reason = error instanceof Error ? error.message : `it threw ${String(error)}`
  return new ConnectorError(
    name,
    `its \`deploy\` failed: ${redact(reason).replace(/\.$/, '')}. Update or remove the package.`,
  )
}
