import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { discoverConnectors, toMilliseconds } from '@rca/core'
import { createAgentFiles } from './helm/agent-files.ts'
import { createApp } from './http/app.ts'
import type { App } from './http/context.ts'
import { type ApiOptions, completeOptions } from './options/api-options.ts'
import { OptionsError } from './options/options-error.ts'
import { createRetentionJob } from './retention-job.ts'
import { databasePath, openStore } from './store/open-store.ts'

/** A platform in this process. */
export interface Api {
  /** Fastify itself, for `inject` in tests. */
  readonly app: App
  /** Opens the admin routes. */
  readonly adminToken: string
  /** Whether `adminToken` was made up here, because none was given. */
  readonly adminTokenGenerated: boolean
  /** Starts to listen. Resolves with the address, such as `http://127.0.0.1:8080`. Rejects when the port is taken. */
  listen(): Promise<string>
  /** Stops listening, finishes what was accepted, closes the store. Idempotent. */
  close(): Promise<void>
  /** Removes what is older than the retention now. It also happens by itself, at the start and every ten minutes. */
  applyRetention(): Promise<void>
}

/**
 * Makes a platform: opens the store, and listens once `listen` is called.
 *
 * @throws {OptionsError} when the options would open the API to the network without an admin token.
 * @throws {Error} when the store cannot be opened.
 */
export async function createApi(given: ApiOptions = {}): Promise<Api> {
  const options = completeOptions(given)
  if (options.adminToken === undefined && !isLoopback(options.host)) {
    throw new OptionsError(
      `The API listens on \`${options.host}\` only with an admin token. Set \`RCA_ADMIN_TOKEN\`, or listen on loopback (\`HOST=127.0.0.1\`).`,
    )
  }
  const adminToken = options.adminToken ?? randomBytes(32).toString('base64url')
  const registry = options.registry ?? (await discoverConnectors({ from: import.meta.url }))
  for (const problem of registry.problems) options.log?.warn({ package: problem.package }, problem.message)

  const store = await openStore(options.databaseUrl)
  options.log?.info({ database: databasePath(options.databaseUrl) }, 'database opened')
  const publicUrl = (): string =>
    options.publicUrl ?? addressOf(options.host, (app.server.address() as AddressInfo | null)?.port ?? options.port)
  const app: App = await createApp(
    { ...options, adminToken },
    {
      store,
      registry,
      agentFiles: createAgentFiles(options.agentFolder),
      now: options.now,
      publicUrl,
      heartbeatSeconds: toMilliseconds(options.heartbeatInterval) / 1000,
      graceSeconds: toMilliseconds(options.tokenGrace) / 1000,
    },
  ).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const job = createRetentionJob({
    store,
    now: options.now,
    retention: toMilliseconds(options.retention),
    log: app.log,
  })
  let closing: Promise<void> | undefined

  return {
    app,
    adminToken,
    adminTokenGenerated: options.adminToken === undefined,
    applyRetention: job.run,
    listen: async () => {
      await app.listen({ host: options.host, port: options.port })
      job.start()
      return addressOf(options.host, (app.server.address() as AddressInfo).port)
    },
    close: () => {
      closing ??= app.close().then(job.stop).then(store.close)
      return closing
    },
  }
}

/** Where the API can be reached: a wildcard address is not somewhere to go. */
function addressOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
