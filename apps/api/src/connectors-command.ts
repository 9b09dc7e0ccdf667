import {
  addConnectors,
  installedConnectorLine,
  listConnectors,
  removeConnectors,
  requireConnectorsFolder,
  toTerminalJson,
  toTerminalLine,
} from '@rca/core'

/** Commands that change or show the folder of `RCA_CONNECTORS`. */
const COMMANDS = ['add', 'list', 'remove'] as const

export function isConnectorsCommand(command: string): command is (typeof COMMANDS)[number] {
  return (COMMANDS as readonly string[]).includes(command)
}

/** Runs a command on the folder of `RCA_CONNECTORS`, as `rca-agent` does. Returns what it prints. @throws {RcaError} */
export async function runConnectorsCommand(
  command: (typeof COMMANDS)[number],
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const folder = requireConnectorsFolder(environment)
  if (command === 'add') {
    const added = await addConnectors({ folder, packages: words })
    return added.map((connector) => `Added ${toTerminalLine(installedConnectorLine(connector))}`).join('\n')
  }
  if (command === 'remove') {
    await removeConnectors({ folder, packages: words })
    return `Removed ${words.map(toTerminalLine).join(', ')}`
  }
  const installed = await listConnectors({ from: import.meta.url, folder })
  return words.includes('--json')
    ? toTerminalJson(installed)
    : installed.map((connector) => toTerminalLine(installedConnectorLine(connector))).join('\n')
}
