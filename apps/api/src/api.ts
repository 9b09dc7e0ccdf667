import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { discoverConnectors, toMilliseconds } from '@rca/core'
import type { FastifyBaseLogger } from 'fastify'
import { createConnectorHost } from './connectors/connector-host.ts'
import { createThreadedHost } from './connectors/threaded-host.ts'
import { createAgentFiles } from './helm/agent-files.ts'
import { createApp } from './http/app.ts'
import {
  type CertificateFiles,
  type CertificateHolder,
  createCertificateReload,
  logCertificate,
  readCertificate,
} from './http/certificate.ts'
import type { App } from './http/context.ts'
import { ArtifactsError, readArtifacts } from './install/artifacts.ts'
import { createIntegrityJob } from './integrity-job.ts'
import { weaknessOf } from './options/admin-token.ts'
import { type ApiOptions, type CompleteApiOptions, completeOptions, OptionsError } from './options/api-options.ts'
import { addressOf, addressWarnings } from './public-address.ts'
import { createRetentionJob } from './retention-job.ts'
import { ROUTES } from './routes/index.ts'
import { databasePath } from './store/database-url.ts'
import type { StoreLimits } from './store/limits.ts'
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
 * @throws {OptionsError} when the options would open the API to the network without an admin token that is hard to
 *   guess, or when the certificate cannot be served.
 * @throws {Error} when the store cannot be opened.
 */
export async function createApi(given: ApiOptions = {}): Promise<Api> {
  const options = completeOptions(given)
  if (!isLoopback(options.host)) checkAdminToken(options.host, options.adminToken)
  const files = certificateFiles(options)
  const certificate = files === undefined ? undefined : await readCertificate(files)
  const adminToken = options.adminToken ?? randomBytes(32).toString('base64url')
  const registry =
    options.registry ?? (await discoverConnectors({ from: import.meta.url, folder: options.connectorsFolder }))
  for (const { package: name, message } of registry.problems)
    options.log?.warn({ package: name, reason: message }, 'connector cannot be used')
  for (const { package: name, message } of registry.warnings)
    options.log?.warn({ package: name, reason: message }, 'connector should be corrected')

  const connectors =
    registry.searched === undefined ? createConnectorHost(registry) : createThreadedHost(registry, registry.searched)
  const limits: StoreLimits = {
    series: options.maxSeriesPerAgent,
    entities: options.maxEntitiesPerAgent,
    stateBytes: options.maxStateBytesPerAgent,
    eventsPerMinute: options.maxEventsPerMinute,
    agentsPerToken: options.maxAgentsPerToken,
  }
  const store = await openStore(options.databaseUrl, limits, options.readThreads)
  if (options.log !== undefined) logDatabase(databasePath(options.databaseUrl), options.log)
  if (options.log !== undefined) await logArtifacts(options.artifactsFolder, options.log)
  const publicUrl = (): string =>
    options.publicUrl ?? addressOf(options, (app.server.address() as AddressInfo | null)?.port ?? options.port)
  const app: App = await createApp(
    { ...options, adminToken, certificate },
    {
      store,
      registry,
      connectors,
      agentFiles: createAgentFiles(options.agentFolder),
      agentFolder: options.agentFolder,
      artifactsFolder: options.artifactsFolder,
      now: options.now,
      publicUrl,
      addressWarnings: () => addressWarnings(publicUrl(), options),
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
  const reload =
    files === undefined || certificate === undefined
      ? undefined
      : createCertificateReload(app.server as unknown as CertificateHolder, files, certificate, app.log)
  let closing: Promise<void> | undefined

  return {
    app,
    adminToken,
    adminTokenGenerated: options.adminToken === undefined,
    applyRetention: jobs.applyRetention,
    listen: async () => {
      // Fastify opens a server for each address of `localhost`. Only the first would get changed certificates.
      const isOneServer = certificate === undefined || options.host !== 'localhost'
      const host = isOneServer ? options.host : (await lookup(options.host)).address
      await app.listen({ host, port: options.port })
      jobs.start()
      reload?.start()
      if (certificate !== undefined) logCertificate(certificate, app.log)
      for (const { log } of addressWarnings(publicUrl(), options)) app.log.warn({ public_url: publicUrl() }, log)
      return addressOf(options, (app.server.address() as AddressInfo).port)
    },
    close: () => {
      reload?.stop()
      closing ??= app.close().then(connectors.close).then(jobs.stop).then(store.close)
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

/** @throws {OptionsError} */
function checkAdminToken(host: string, token: string | undefined): void {
  const remedy =
    'Set `RCA_ADMIN_TOKEN` to random characters, such as the output of `openssl rand -hex 32`, or listen on loopback (`HOST=127.0.0.1`).'
  if (token === undefined) throw new OptionsError(`Listening on \`${host}\` requires an admin token. ${remedy}`)
  const weakness = weaknessOf(token)
  if (weakness !== undefined)
    throw new OptionsError(
      `Listening on \`${host}\` requires an admin token that is hard to guess: ${weakness}. ${remedy}`,
    )
}

/** @throws {OptionsError} for a half of a pair */
function certificateFiles({ tlsCert: cert, tlsKey: key }: ApiOptions): CertificateFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  const [given, missing] = cert === undefined ? ['KEY', 'CERT'] : ['CERT', 'KEY']
  throw new OptionsError(`\`RCA_TLS_${given}\` requires \`RCA_TLS_${missing}\`. Set both, or neither for plain HTTP.`)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
