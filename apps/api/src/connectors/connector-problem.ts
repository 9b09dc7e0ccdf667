import { isRcaError, type Registry } from '@rca/core'
import { ProblemError } from '../http/problem-error.ts'

/**
 * Returns the problem for a connector that is installed and cannot be used. Its `logFields` name the package. Returns
 * other errors as they are.
 */
export function connectorProblem(registry: Registry, type: string, error: unknown): unknown {
  if (!isRcaError(error) || error.code !== 'RCA_CONNECTOR_INVALID') return error
  const found = registry.origin(type) ?? registry.problems.find((problem) => problem.type === type)
  const source = found === undefined ? {} : { package: found.package, version: found.version }
  return new ProblemError(500, `${error.message} Then restart the platform.`, {
    cause: error,
    logFields: { agent_type: type, ...source },
  })
}
