import { discoverConnectors } from '@rca/core'
import { run } from './commands/run.ts'
import { exitWith } from './exit-with.ts'
import type { StopRequests } from './stop-requests.ts'

/** Runs an agent until it is asked to stop; without `stop`, does what the command line says. */
export async function start(words: readonly string[], stop: StopRequests | undefined): Promise<void> {
  const registry = await discoverConnectors({ from: import.meta.url })
  if (stop !== undefined) {
    await exitWith(() => run(registry, process.env, stop))
    // A process that ends by itself first stops listening for signals: one more SIGTERM would end it otherwise than with its exit code.
    process.exit()
  }
  // The agent that stays does not carry the parser of the command line along.
  const { runCommandLine } = await import('./command-line.ts')
  return runCommandLine(registry, words)
}
