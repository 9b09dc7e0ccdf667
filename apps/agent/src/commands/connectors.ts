import { type ConnectorsCommand, type ConnectorsCommandOptions, runConnectorsCommand } from '@rca/core'
import type { Environment } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { print } from '../standard-output.ts'

/** Runs a command on the folder of `RCA_CONNECTORS`, and prints its lines. Returns the exit code. */
export async function connectors(
  command: ConnectorsCommand,
  environment: Environment,
  options: Pick<ConnectorsCommandOptions, 'packages' | 'json'>,
): Promise<number> {
  const lines = await runConnectorsCommand(command, { ...options, environment, from: import.meta.url })
  for (const line of lines) print(`${line}\n`)
  return EXIT_CODES.ok
}
