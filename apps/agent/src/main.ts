import { waitForStopSignal } from './stop-signal.ts'

const words = process.argv.slice(2)
const isRun = words.length === 0 || words.join() === 'run'
// Listens before the rest is loaded, which takes a few hundred milliseconds.
const stop = isRun ? waitForStopSignal() : undefined

const { discoverConnectors } = await import('@rca/core')
const registry = await discoverConnectors({ from: import.meta.url })
if (stop === undefined) {
  // Only short-lived commands load the parser of the command line.
  const { runCommandLine } = await import('./command-line.ts')
  await runCommandLine(registry, words)
} else {
  const [{ exitWith }, { run }] = await Promise.all([import('./exit.ts'), import('./commands/run.ts')])
  await exitWith(() => run(registry, process.env, stop))
  // A process that ends by itself first removes its signal handlers: a late SIGTERM would then replace the exit code.
  process.exit()
}
