import {
  addConnectors,
  installedConnectorLine,
  listConnectors,
  removeConnectors,
  requireConnectorsFolder,
  toTerminalJson,
  toTerminalLine,
} from '@rca/core'
import type { Environment } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { print } from '../standard-output.ts'

/** Adds connectors to the folder of `RCA_CONNECTORS`, and prints what they offer. Returns the exit code. */
export async function add(environment: Environment, packages: readonly string[]): Promise<number> {
  const folder = requireConnectorsFolder(environment)
  for (const connector of await addConnectors({ folder, packages }))
    print(`Added ${toTerminalLine(installedConnectorLine(connector))}\n`)
  return EXIT_CODES.ok
}

/** Removes connectors from the folder of `RCA_CONNECTORS`. Returns the exit code. */
export async function remove(environment: Environment, packages: readonly string[]): Promise<number> {
  await removeConnectors({ folder: requireConnectorsFolder(environment), packages })
  print(`Removed ${packages.map(toTerminalLine).join(', ')}\n`)
  return EXIT_CODES.ok
}

/** Prints the connectors of `RCA_CONNECTORS`, one per line or as a line of JSON. Returns the exit code. */
export async function list(environment: Environment, { json }: { readonly json: boolean }): Promise<number> {
  const connectors = await listConnectors({ from: import.meta.url, folder: requireConnectorsFolder(environment) })
  if (json) print(`${toTerminalJson(connectors)}\n`)
  else for (const connector of connectors) print(`${toTerminalLine(installedConnectorLine(connector))}\n`)
  return EXIT_CODES.ok
}
