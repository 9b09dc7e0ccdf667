import { discoverConnectors, type Registry, readConnectorsFolder } from '@rca/core'
import type { Environment } from './environment.ts'

/**
 * Finds the agent's own connectors, and those of the folder that `RCA_CONNECTORS` names. An own connector is preferred
 * to one of the folder with the same type.
 *
 * @throws {RcaError} when the folder has no package.json
 */
export async function findConnectors(environment: Environment): Promise<Registry> {
  return discoverConnectors({ from: import.meta.url, folder: readConnectorsFolder(environment) })
}
