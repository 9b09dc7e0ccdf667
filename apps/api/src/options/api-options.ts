import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Duration, Registry } from '@rca/core'
import type { FastifyBaseLogger } from 'fastify'
import { DEFAULT_LIMITS } from '../store/limits.ts'
import type { TrustProxy } from './trust-proxy.ts'

export const DEFAULT_DATABASE_URL = 'sqlite:./rca.sqlite'

/** The agent's package. It contains the chart, the manifests and the installers. */
const DEFAULT_AGENT_FOLDER: string = dirname(createRequire(import.meta.url).resolve('@rca/agent/package.json'))

/** `npm run artifacts` fills this folder of the repository. */
const DEFAULT_ARTIFACTS_FOLDER: string = fileURLToPath(new URL('../../../../artifacts', import.meta.url))

/** Options of the API. All have defaults: `createApi()` listens on loopback and stores its data in `./rca.sqlite`. */
export interface ApiOptions {
  /** Connectors that can be provisioned. @default the API's own, and those of `connectorsFolder` */
  readonly registry?: Registry
  /** Folder with further connectors, which `rca-api add` fills. @default none */
  readonly connectorsFolder?: string
  /** Address to listen on. Any address but loopback requires an `adminToken`. @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free port. @default 8080 */
  readonly port?: number
  /** Opens the admin routes. @default a generated token, see `Api.adminToken` */
  readonly adminToken?: string
  /** `sqlite:<path>`, relative to the working directory, or `sqlite::memory:`. @default 'sqlite:./rca.sqlite' */
  readonly databaseUrl?: string
  /**
   * Absolute path of a PEM file: a certificate with its chain. The API then serves HTTPS alone, and changed files
   * without a restart. @default plain HTTP
   */
  readonly tlsCert?: string
  /** Absolute path of the certificate's key, a PEM file without a passphrase. */
  readonly tlsKey?: string
  /** Address of the platform in deployment commands. @default the address that the API listens on */
  readonly publicUrl?: string
  /** Folder with the agent's chart, manifests and installers. @default the agent's package */
  readonly agentFolder?: string
  /** Folder with the agent's signed archives. @default `artifacts` in the repository */
  readonly artifactsFolder?: string
  /**
   * Time between two heartbeats of agents without an interval of their own. An agent is offline after three intervals
   * without a call. @default '30s'
   */
  readonly heartbeatInterval?: Duration
  /** How long tokens stay valid after a rotation. @default '24h' */
  readonly tokenGrace?: Duration
  /** How long the key of an agent is valid. The agent replaces it after two thirds of this time. @default '30d' */
  readonly agentKeyTtl?: Duration
  /** How long points, events and deleted objects are stored. @default '7d' */
  readonly retention?: Duration
  /** How long the audit trail of changes and refusals is kept. @default '365d' */
  readonly auditRetention?: Duration
  /** Requests per minute of one agent, and as many heartbeats. Also of one address without a token. @default 6000 */
  readonly rateLimit?: number
  /** Requests per minute from one address without a valid token. @default 120 */
  readonly rateLimitUnauthenticated?: number
  /** Proxies whose `X-Forwarded-For` is trusted, so that clients instead of the proxy are counted. @default false */
  readonly trustProxy?: TrustProxy
  /** Maximum size of a body as sent, in bytes. @default 8 MiB */
  readonly bodyLimit?: number
  /** Maximum size of a body after decompression, in bytes. @default 16 MiB */
  readonly bodyLimitDecoded?: number
  /** Time for a body to arrive. A body that arrives at 16 KiB/s or faster may take longer. @default '10s' */
  readonly bodyTimeout?: Duration
  /**
   * Concurrent requests with a body from agents, a quarter of them with one token. Further requests are answered with
   * 503 or 429. @default 64
   */
  readonly maxConcurrentRequests?: number
  /**
   * Series of one agent whose points are stored. Points of further ones are dropped, which is a gap of the agent. An
   * environment has 20 times as much of this limit and of the following three. @default 500000
   */
  readonly maxSeriesPerAgent?: number
  /** Entities of one agent, with deleted ones that are still stored. @default 1000000 */
  readonly maxEntitiesPerAgent?: number
  /** Bytes of the entities of one agent. @default 640 MiB */
  readonly maxStateBytesPerAgent?: number
  /** Events per minute of one agent, after a quiet time as many as in ten minutes at once. @default 6000 */
  readonly maxEventsPerMinute?: number
  /** Agents that may use a token without `token_uses` within a day. @default 3000 */
  readonly maxAgentsPerToken?: number
  /**
   * Threads that answer questions of `/api/v1`, so that reports and probes do not wait for them. 0 answers questions
   * between other requests. @default 2
   */
  readonly readThreads?: number
  /** Questions that are answered at the same time, a quarter of them with one token. @default 32 */
  readonly maxConcurrentReads?: number
  /** Time for the answer to a question. @default '30s' */
  readonly readTimeout?: Duration
  /** Maximum number of stored points that one question reads. @default 20000000 */
  readonly maxPointsScanned?: number
  /** Event loop delay above which requests are refused with 503, in milliseconds; 0 refuses none. @default 2000 */
  readonly maxEventLoopDelayMs?: number
  /** @default no logs */
  readonly log?: FastifyBaseLogger
  /** The clock, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** Validates every response against its schema; for tests. @default false */
  readonly checkResponses?: boolean
}

type OptionalOption = 'registry' | 'connectorsFolder' | 'adminToken' | 'publicUrl' | 'tlsCert' | 'tlsKey' | 'log'

/** Options with their defaults. Options without a default stay optional. */
export type CompleteApiOptions = Required<Omit<ApiOptions, OptionalOption>> & Pick<ApiOptions, OptionalOption>

/** Thrown for an option that cannot be used. The message names the option and says how to fix it. */
export class OptionsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OptionsError'
  }
}

/** Fills in the defaults. */
export function completeOptions(options: ApiOptions): CompleteApiOptions {
  return {
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: DEFAULT_DATABASE_URL,
    agentFolder: DEFAULT_AGENT_FOLDER,
    artifactsFolder: DEFAULT_ARTIFACTS_FOLDER,
    heartbeatInterval: '30s',
    tokenGrace: '24h',
    agentKeyTtl: '30d',
    retention: '7d',
    auditRetention: '365d',
    rateLimit: 6000,
    rateLimitUnauthenticated: 120,
    trustProxy: false,
    bodyLimit: 8 * 1024 * 1024,
    bodyLimitDecoded: 16 * 1024 * 1024,
    bodyTimeout: '10s',
    maxConcurrentRequests: 64,
    maxSeriesPerAgent: DEFAULT_LIMITS.series,
    maxEntitiesPerAgent: DEFAULT_LIMITS.entities,
    maxStateBytesPerAgent: DEFAULT_LIMITS.stateBytes,
    maxEventsPerMinute: DEFAULT_LIMITS.eventsPerMinute,
    maxAgentsPerToken: DEFAULT_LIMITS.agentsPerToken,
    readThreads: 2,
    maxConcurrentReads: 32,
    readTimeout: '30s',
    maxPointsScanned: 20_000_000,
    maxEventLoopDelayMs: 2000,
    now: Date.now,
    checkResponses: false,
    ...options,
  }
}
