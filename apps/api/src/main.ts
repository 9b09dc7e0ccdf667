import { resolve } from 'node:path'
import {
  escapeTerminalJson,
  isConnectorsCommand,
  isRcaError,
  runConnectorsCommand,
  toTerminalJson,
  toTerminalText,
} from '@rca/core'
import { pino } from 'pino'
import { type Api, createApi } from './api.ts'
import { weaknessOf } from './options/admin-token.ts'
import { OptionsError } from './options/api-options.ts'
import { readEnvironment } from './options/read-environment.ts'
import { databasePath } from './store/database-url.ts'
import { backUpDatabase, checkDatabase, restoreDatabase } from './store/maintenance.ts'

/** Time for accepted requests to finish after a signal. */
const SHUTDOWN_TIMEOUT_MS = 10_000

/** Exit codes beside 0: stopped by a signal, everything accepted is stored. */
const EXIT = { failed: 1, badOptions: 2 } as const

const USAGE =
  'Usage: `rca-api` runs the platform. `rca-api backup <file>` copies its database, `rca-api restore <file>` replaces it by a copy, and `rca-api check` looks for damage. `rca-api add <package>…`, `rca-api remove <package>…` and `rca-api list` change and show the connectors in the folder of RCA_CONNECTORS.'

try {
  await runCommand(process.argv.slice(2))
} catch (error) {
  console.error(`rca-api: ${toTerminalText((error as Error).message)}`)
  process.exitCode = error instanceof OptionsError || isRcaError(error) ? EXIT.badOptions : EXIT.failed
}

/** Runs the API, or maintains its database. @throws {OptionsError} for an unknown command */
async function runCommand(words: readonly string[]): Promise<void> {
  const [command, file, ...rest] = words
  if (command === undefined) return run()
  if (isConnectorsCommand(command)) {
    if ((command === 'list') !== (file === undefined || file === '--json')) throw new OptionsError(USAGE)
    const options = { environment: process.env, from: import.meta.url }
    const lines = await runConnectorsCommand(
      command,
      command === 'list' ? { ...options, json: file === '--json' } : { ...options, packages: words.slice(1) },
    )
    for (const line of lines) process.stdout.write(`${line}\n`)
    // The code of a connector may have opened something.
    setImmediate(() => process.exit())
    return
  }
  if (
    rest.length > 0 ||
    (command === 'check') !== (file === undefined) ||
    !['backup', 'restore', 'check'].includes(command)
  )
    throw new OptionsError(USAGE)
  const path = databasePath(readEnvironment(process.env).options.databaseUrl ?? '')
  const given = resolve(process.env.INIT_CWD ?? '', file ?? '')
  if (command === 'backup') print({ backup: given, bytes: backUpDatabase(path, given) })
  else if (command === 'restore') print({ database: path, replaced: restoreDatabase(path, given) })
  else {
    const problems = checkDatabase(path)
    print({ database: path, problems })
    if (problems.length > 0) process.exitCode = EXIT.failed
  }
}

function print(result: Readonly<Record<string, unknown>>): void {
  console.log(toTerminalJson(result))
}

async function run(): Promise<void> {
  const { options, logLevel, misspelt } = readEnvironment(process.env)
  const log = pino(
    { level: logLevel, base: { service: 'rca-api' }, hooks: { streamWrite: escapeTerminalJson } },
    pino.destination({ dest: 2, sync: true }),
  )
  for (const { variable, suggestion } of misspelt)
    log.warn({ variable, suggestion }, 'unknown environment variable ignored')
  const api = await createApi({ ...options, log })
  const url = await api.listen().catch(async (error: unknown) => {
    await api.close()
    throw new Error(`Cannot listen (${(error as Error).message}). Check \`HOST\` and \`PORT\` (0 takes a free port).`, {
      cause: error,
    })
  })
  stopOnSignal(api, log)
  if (api.adminTokenGenerated)
    log.warn('`RCA_ADMIN_TOKEN` is not set: generated an admin token for this run, printed on standard output')
  const reason = options.adminToken === undefined ? undefined : weaknessOf(options.adminToken)
  if (reason !== undefined) log.warn({ reason }, '`RCA_ADMIN_TOKEN` is easy to guess: use more random characters')
  console.log(
    JSON.stringify({ url, docs: `${url}/docs`, ...(api.adminTokenGenerated ? { admin_token: api.adminToken } : {}) }),
  )
}

/** Shuts down at the first signal. Ignores further SIGTERMs; a second SIGINT, from a user who does not wait, exits. */
function stopOnSignal(api: Api, log: pino.Logger): void {
  let stopping = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping && signal === 'SIGINT') process.exit(EXIT.failed)
    if (!stopping) void shutDown(api, log, signal)
    stopping = true
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)
}

async function shutDown(api: Api, log: pino.Logger, signal: string): Promise<void> {
  log.info({ signal }, 'stopping')
  setTimeout(() => {
    log.error({ timeout_ms: SHUTDOWN_TIMEOUT_MS }, 'requests aborted: they did not finish in time')
    process.exit(EXIT.failed)
  }, SHUTDOWN_TIMEOUT_MS).unref()
  await api.close()
  log.info('stopped')
  // A process that ends without `exit` first removes its signal handlers: another SIGTERM would then change its exit
  // code.
  process.exit()
}
