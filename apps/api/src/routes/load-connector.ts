import {
  agentConfigJsonSchema,
  type Connector,
  type ConnectorDescription,
  isRcaError,
  type JsonSchema,
  type Registry,
} from '@rca/core'
import { ProblemError } from '../http/problem-error.ts'

/**
 * Loads the connector of a type, with the options of its agents.
 *
 * @throws {UnknownTypeError} when no connector of this type is installed.
 * @throws {ProblemError} 500 when the connector is installed and cannot be used. Its `logFields` name the package.
 */
export async function loadConnector(
  registry: Registry,
  type: string,
): Promise<{ readonly connector: Connector; readonly options: JsonSchema }> {
  return orProblem(registry, type, async () => {
    const connector = await registry.connector(type)
    return { connector, options: agentConfigJsonSchema(connector) }
  })
}

/** Describes a type. Loads the connector only if its package has no `rca.json`. @throws as {@link loadConnector} */
export async function describeConnector(registry: Registry, type: string): Promise<ConnectorDescription> {
  return orProblem(registry, type, () => registry.description(type))
}

async function orProblem<Result>(registry: Registry, type: string, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use()
  } catch (error) {
    if (isRcaError(error) && error.code === 'RCA_TYPE_UNKNOWN') throw error
    throw unusable(registry, type, error)
  }
}

function unusable(registry: Registry, type: string, cause: unknown): ProblemError {
  const message = isRcaError(cause) ? cause.message : undefined
  const ofType = registry.problems.filter((problem) => problem.type === type)
  const found = ofType.find((problem) => problem.message === message) ?? ofType[0]
  const reason = message ?? found?.message ?? `The connector of the type \`${type}\` cannot be used.`
  const source = found === undefined ? {} : { package: found.package, version: found.version }
  return new ProblemError(500, `${reason} Then restart the platform.`, {
    cause,
    logFields: { agent_type: type, ...source },
  })
}
