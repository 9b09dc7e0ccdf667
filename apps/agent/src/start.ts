import { discoverConnectors } from '@rca/core'
import { run } from './commands/run.ts'
import { exitWith } from './exit-with.ts'

/** Does what the command line says; without words, runs an agent. */
export async function start(words: readonly string[]): Promise<void> {
  const registry = await discoverConnectors({ from: import.meta.url })
  if (words.length === 0 || words.join() === 'run') return exitWith(() => run(registry, process.env))
  // The agent that stays does not carry the parser of the command line along.
  const { runCommandLine } = await import('./command-line.ts')
  return runCommandLine(registry, words)
}
