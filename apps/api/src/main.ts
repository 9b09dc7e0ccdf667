import { pino } from 'pino'
import { type Api, createApi } from './api.ts'
import { OptionsError } from './options/options-error.ts'
import { readEnvironment } from './options/read-environment.ts'
import { sentence } from './sentence.ts'

/** How long accepted requests may take to finish once the process shall end, in milliseconds. */
const SHUTDOWN = 10_000

/** 0: stopped by a signal, everything accepted is stored. */
const EXIT = { failed: 1, badOptions: 2 } as const

try {
  await run()
} catch (error) {
  console.error(`rca-api: ${(error as Error).message}`)
  process.exitCode = error instanceof OptionsError ? EXIT.badOptions : EXIT.failed
}

async function run(): Promise<void> {
  const { options, logLevel, warnings } = readEnvironment(process.env)
  const log = pino({ level: logLevel, base: { service: 'rca-api' } }, pino.destination({ dest: 2, sync: true }))
  for (const warning of warnings) log.warn(warning)
  const api = await createApi({ ...options, log })
  const url = await api.listen().catch(async (error: unknown) => {
    await api.close()
    throw new Error(
      `Cannot listen: ${sentence((error as Error).message)} Check \`HOST\` and \`PORT\` (0 takes a free port).`,
      {
        cause: error,
      },
    )
  })
  stopOnSignal(api, log)
  if (api.adminTokenGenerated)
    log.warn(
      '`RCA_ADMIN_TOKEN` is not set: an admin token was made for this run and stands in the line on standard output',
    )
  if (options.adminToken !== undefined && options.adminToken.length < 16)
    log.warn('`RCA_ADMIN_TOKEN` is short: use at least 16 random characters')
  console.log(
    JSON.stringify({ url, docs: `${url}/docs`, ...(api.adminTokenGenerated ? { admin_token: api.adminToken } : {}) }),
  )
}

/** The first signal begins the end; a further SIGTERM does not cut it short, a further SIGINT (somebody at a keyboard who will not wait) does. */
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
    log.error('requests did not finish in time and are broken off')
    process.exit(EXIT.failed)
  }, SHUTDOWN).unref()
  await api.close()
  log.info('stopped')
  // A process that ends by itself first stops listening for signals: one more SIGTERM would end it otherwise than with its exit code.
  process.exit()
}
