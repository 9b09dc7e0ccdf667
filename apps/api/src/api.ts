import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { discoverConnectors, toMilliseconds } from '@rca/core'
import type { FastifyBaseLogger } from 'fastify'
import { createAgentFiles } from './helm/agent-files.ts'
import { createApp } from './http/app.ts'
import type { App } from './http/context.ts'
import { ArtifactsError, readArtifacts } from './install/artifacts.ts'
import { createIntegrityJob } from './integrity-job.ts'
import { type ApiOptions, type CompleteApiOptions, completeOptions, OptionsError } from './options/api-options.ts'
import { createRetentionJob } from './retention-job.ts'
import { ROUTES } from './routes/index.ts'
import { databasePath } from './store/database-url.ts'
import { openStore } from './store/open-store.ts'
import type { Store } from './store/store.ts'

/** A platform in this process. */
export interface Api {
  /** The Fastify instance, for `inject` in tests. */
  readonly app: App
  /** Opens the admin routes. */
  readonly adminToken: string
  /** True when `adminToken` was generated because the options contain none. */
  readonly adminTokenGenerated: boolean
  /** Starts to listen. Resolves with the address, such as `http://127.0.0.1:8080`. Rejects when the port is in use. */
  listen(): Promise<string>
  /** Stops listening, finishes accepted requests, closes the store. Idempotent. */
  close(): Promise<void>
  /** Removes data older than the retention. Also runs when the API starts to listen and every ten minutes. */
  applyRetention(): Promise<void>
}

/**
 * Creates a platform and opens its store. Call `listen` to start the server.
 *
 * @throws {OptionsError} when the options would open the API to the network without an admin token.
 * @throws {Error} when the store cannot be opened.
 */
export async function createApi(given: ApiOptions = {}): Promise<Api> {
  const options = completeOptions(given)
  if (options.adminToken === undefined && !isLoopback(options.host)) {
    throw new OptionsError(
      `Listening on \`${options.host}\` requires an admin token. Set \`RCA_ADMIN_TOKEN\`, or listen on loopback (\`HOST=127.0.0.1\`).`,
    )
  }
  const adminToken = options.adminToken ?? randomBytes(32).toString('base64url')
  const registry = options.registry ?? (await discoverConnectors({ from: import.meta.url }))
  for (const { package: name, message } of registry.problems)
    options.log?.warn({ package: name, reason: message }, 'connector cannot be used')

  const store = await openStore(options.databaseUrl)
  if (options.log !== undefined) logDatabase(databasePath(options.databaseUrl), options.log)
  if (options.log !== undefined) await logArtifacts(options.artifactsFolder, options.log)
  const publicUrl = (): string =>
    options.publicUrl ?? addressOf(options.host, (app.server.address() as AddressInfo | null)?.port ?? options.port)
  const app: App = await createApp(
    { ...options, adminToken },
    {
      store,
      registry,
      agentFiles: createAgentFiles(options.agentFolder),
      agentFolder: options.agentFolder,
      artifactsFolder: options.artifactsFolder,
      now: options.now,
      publicUrl,
      heartbeatSeconds: toMilliseconds(options.heartbeatInterval) / 1000,
      graceSeconds: toMilliseconds(options.tokenGrace) / 1000,
      agentKeyTtlMs: toMilliseconds(options.agentKeyTtl),
    },
    ROUTES,
  ).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const jobs = createJobs(store, options, app.log)
  let closing: Promise<void> | undefined

  return {
    app,
    adminToken,
    adminTokenGenerated: options.adminToken === undefined,
    applyRetention: jobs.applyRetention,
    listen: async () => {
      await app.listen({ host: options.host, port: options.port })
      jobs.start()
      return addressOf(options.host, (app.server.address() as AddressInfo).port)
    },
    close: () => {
      closing ??= app.close().then(jobs.stop).then(store.close)
      return closing
    },
  }
}

/** Creates the jobs that maintain a store. */
function createJobs(store: Store, options: CompleteApiOptions, log: FastifyBaseLogger) {
  const { now } = options
  const retention = createRetentionJob({
    store,
    now,
    // The clock of a test is not compared with that of the system.
    ...(now === Date.now ? { uptime: () => performance.now() } : {}),
    retentionMs: toMilliseconds(options.retention),
    log,
  })
  const integrity = createIntegrityJob({ store, log })
  return {
    applyRetention: retention.run,
    start: () => {
      retention.start()
      integrity.start()
    },
    stop: () => {
      integrity.stop()
      return retention.stop()
    },
  }
}

/** Logs the database. Warns when other users can open it: a file that existed keeps its permissions. */
function logDatabase(database: string, log: FastifyBaseLogger): void {
  log.info({ database }, 'database opened')
  const mode = statSync(database, { throwIfNoEntry: false })?.mode ?? 0
  if ((mode & 0o077) !== 0)
    log.warn({ database, mode: (mode & 0o777).toString(8) }, 'other users can open the database: run `chmod 600`')
}

/** Logs which archives of the agent are served. */
async function logArtifacts(folder: string, log: FastifyBaseLogger): Promise<void> {
  try {
    log.info({ folder, version: (await readArtifacts(folder)).version }, 'agent archives found')
  } catch (error) {
    const { message: reason } = error as Error
    if (error instanceof ArtifactsError && error.reason === 'missing') log.info({ folder, reason }, 'no agent archives')
    else log.error({ folder, reason }, 'agent archives are broken')
  }
}

/** Returns a URL of the API. A wildcard address is replaced by the host's name, since it cannot be connected to. */
function addressOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
