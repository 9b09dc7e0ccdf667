import { discoverConnectors } from '@rca/core'
import { run } from './commands/run.ts'
import { exitWith } from './exit-with.ts'

const registry = await discoverConnectors({ from: import.meta.url })
const words = process.argv.slice(2).join(' ')

if (words === '' || words === 'run') await exitWith(() => run(registry, process.env))
// The agent that stays does not carry the parser of the command line along.
else await (await import('./command-line.ts')).runCommandLine(registry)
