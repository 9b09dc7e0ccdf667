import { agentConfigJsonSchema, type Connector, isRcaError, type JsonSchema, type Registry } from '@rca/core'
import { ProblemError } from '../http/problem-error.ts'

/** A connector with every option that an agent of its type takes. */
export interface LoadedConnector {
  readonly connector: Connector
  readonly options: JsonSchema
}

/**
 * The connector of a type.
 *
 * @throws {UnknownTypeError} when none is installed.
 * @throws {ProblemError} 500 when one is installed and cannot be used. Its `logged` names the package.
 */
export async function loadConnector(registry: Registry, type: string): Promise<LoadedConnector> {
  try {
    const connector = await registry.connector(type)
    return { connector, options: agentConfigJsonSchema(connector) }
  } catch (error) {
    if (isRcaError(error) && error.code === 'RCA_TYPE_UNKNOWN') throw error
    throw await unusable(registry, type, error)
  }
}

async function unusable(registry: Registry, type: string, cause: unknown): Promise<ProblemError> {
  // Which package a connector came from is only said where all are described.
  await registry.describe()
  const reason = cause instanceof Error ? cause.message : String(cause)
  const found = registry.problems.find(({ message }) => message.startsWith(reason))
  return new ProblemError(
    500,
    `The connector of the type \`${type}\` is installed but cannot be used. The log of the platform names its package and says why. Reinstall the package or remove it, and start the platform again.`,
    {
      cause,
      logged: { agent_type: type, ...(found === undefined ? {} : { package: found.package, version: found.version }) },
    },
  )
}
