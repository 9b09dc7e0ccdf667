import type { Duration, Registry } from '@rca/core'
import type { FastifyBaseLogger } from 'fastify'
import { DEFAULT_AGENT_FOLDER } from '../helm/agent-files.ts'
import type { TrustProxy } from './trust-proxy.ts'

/** Where data is kept unless something else is said. */
export const DEFAULT_DATABASE_URL = 'sqlite:./rca.sqlite'

/** How the API runs. Everything has a default: `createApi()` listens on loopback and keeps its data in `./rca.sqlite`. */
export interface ApiOptions {
  /** Connectors that can be provisioned. @default those installed beside the API */
  readonly registry?: Registry
  /** Address to listen on. Anything but loopback needs an `adminToken`. @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free port. @default 8080 */
  readonly port?: number
  /** Opens the admin routes. @default a generated one, see `Api.adminToken` */
  readonly adminToken?: string
  /** `sqlite:<path>`, relative to the working directory, or `sqlite::memory:`. @default 'sqlite:./rca.sqlite' */
  readonly databaseUrl?: string
  /** The address that agents are told. @default the one the API listens on */
  readonly publicUrl?: string
  /** Folder of the agent's package, whose chart and manifests are served. @default the one beside the API's package */
  readonly agentFolder?: string
  /** Between two heartbeats of an agent that has no interval of its own. An agent is offline after three without a call. @default '30s' */
  readonly heartbeatInterval?: Duration
  /** How long tokens stay valid after they were rotated. @default '24h' */
  readonly tokenGrace?: Duration
  /** How long points, events and what is gone are kept. @default '7d' */
  readonly retention?: Duration
  /** Requests a minute with one token. @default 6000 */
  readonly rateLimit?: number
  /** Requests a minute from one address without a valid token. @default 120 */
  readonly rateLimitUnauthenticated?: number
  /** Whose `X-Forwarded-For` is believed, so that `rateLimitUnauthenticated` counts clients instead of the proxy before the API. @default false */
  readonly trustProxy?: TrustProxy
  /** Largest body as it travels, in bytes. @default 8 MiB */
  readonly bodyLimit?: number
  /** Largest body after decompression, in bytes. @default 16 MiB */
  readonly bodyLimitDecoded?: number
  /** In which a body has to arrive; one that travels at 16 KiB/s or faster may take longer. @default '10s' */
  readonly bodyTimeout?: Duration
  /** Requests with a body that are taken at the same time from agents, a quarter of them with one token; more are answered with 503 or 429. @default 64 */
  readonly maxConcurrentRequests?: number
  /** @default says nothing */
  readonly log?: FastifyBaseLogger
  /** The clock, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** Checks every answer against its schema: for tests. @default false */
  readonly checkResponses?: boolean
}

/** Options with their defaults. What has no default stays optional. */
export type CompleteApiOptions = Required<Omit<ApiOptions, 'registry' | 'adminToken' | 'publicUrl' | 'log'>> &
  Pick<ApiOptions, 'registry' | 'adminToken' | 'publicUrl' | 'log'>

/** Fills in the defaults. */
export function completeOptions(options: ApiOptions): CompleteApiOptions {
  return {
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: DEFAULT_DATABASE_URL,
    agentFolder: DEFAULT_AGENT_FOLDER,
    heartbeatInterval: '30s',
    tokenGrace: '24h',
    retention: '7d',
    rateLimit: 6000,
    rateLimitUnauthenticated: 120,
    trustProxy: false,
    bodyLimit: 8 * 1024 * 1024,
    bodyLimitDecoded: 16 * 1024 * 1024,
    bodyTimeout: '10s',
    maxConcurrentRequests: 64,
    now: Date.now,
    checkResponses: false,
    ...options,
  }
}
