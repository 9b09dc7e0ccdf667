import { toTerminalJson, toTerminalLine } from '../terminal-text.ts'
import { addConnectors, removeConnectors } from './add-connectors.ts'
import { requireConnectorsFolder } from './connectors-folder.ts'
import { installedConnectorLine, listConnectors } from './list-connectors.ts'

/** Commands that change or show the folder of `RCA_CONNECTORS`. */
const COMMANDS = ['add', 'list', 'remove'] as const

/** A command of {@link runConnectorsCommand}. */
export type ConnectorsCommand = (typeof COMMANDS)[number]

/** Options of {@link runConnectorsCommand}. */
export interface ConnectorsCommandOptions {
  /** Packages to `add` or `remove`, as {@link addConnectors} takes them. @default none */
  readonly packages?: readonly string[]
  /** Lists as JSON in one line. @default false */
  readonly json?: boolean
  /** Variables, with `RCA_CONNECTORS`. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** A file of the program, whose own connectors `list` prefers: `import.meta.url`. */
  readonly from: string
}

/** Returns true for the name of a command on the folder of connectors. */
export function isConnectorsCommand(name: string): name is ConnectorsCommand {
  return (COMMANDS as readonly string[]).includes(name)
}

/**
 * Runs a command of `rca-agent` and `rca-api` on the folder of `RCA_CONNECTORS`. Returns what it prints, line by line,
 * safe for a terminal.
 *
 * @throws {RcaError} if `RCA_CONNECTORS` is not set, or a package cannot be added or removed
 */
export async function runConnectorsCommand(
  command: ConnectorsCommand,
  { packages = [], json = false, environment, from }: ConnectorsCommandOptions,
): Promise<string[]> {
  const folder = requireConnectorsFolder(environment)
  if (command === 'add') {
    const added = await addConnectors({ folder, packages })
    return added.map((connector) => `Added ${toTerminalLine(installedConnectorLine(connector))}`)
  }
  if (command === 'remove') {
    await removeConnectors({ folder, packages })
    return [`Removed ${packages.map(toTerminalLine).join(', ')}`]
  }
  const installed = await listConnectors({ from, folder })
  if (json) return [toTerminalJson(installed)]
  return installed.map((connector) => toTerminalLine(installedConnectorLine(connector)))
}
