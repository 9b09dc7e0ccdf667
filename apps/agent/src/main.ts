import { waitForStopSignal } from './stop-signal.ts'

const words = process.argv.slice(2)
const CHANGES_CONNECTORS = new Set(['add', 'list', 'remove'])
const isRun = words.length === 0 || words.join() === 'run'
// Listens before the rest is loaded, which takes a few hundred milliseconds.
const stop = isRun ? waitForStopSignal() : undefined

const [
  { endProcess },
  { EXIT_CODES, exitOnOutputErrors, exitWith },
  { findConnectors },
  { nameLoadingConnectors },
  { reserveStandardOutput },
] = await Promise.all([
  import('./end-process.ts'),
  import('./exit.ts'),
  import('./find-connectors.ts'),
  import('./process-errors.ts'),
  import('./standard-output.ts'),
])
reserveStandardOutput()
nameLoadingConnectors()
await exitWith(async () => {
  // The folder of connectors may be empty before the first one is added.
  const registry = await findConnectors(CHANGES_CONNECTORS.has(words[0] ?? '') ? {} : process.env)
  if (stop !== undefined) return (await import('./commands/run.ts')).run(registry, process.env, stop)
  exitOnOutputErrors()
  // Only short-lived commands load the parser of the command line.
  await (await import('./command-line.ts')).runCommandLine(registry, words)
  return Number(process.exitCode ?? EXIT_CODES.ok)
})
// A process that ends by itself first removes its signal handlers: a late SIGTERM would then replace the exit code.
if (stop !== undefined) await endProcess(Number(process.exitCode))
