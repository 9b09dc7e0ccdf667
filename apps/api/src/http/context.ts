import type { Registry } from '@rca/core'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ConnectorHost } from '../connectors/connector-host.ts'
import type { AgentFiles } from '../helm/agent-files.ts'
import type { AddressWarning } from '../public-address.ts'
import type { ReadSession } from '../store/read-session.ts'
import type { Store } from '../store/store.ts'
import type { AuditTarget, AuditTrail } from './audit-trail.ts'
import type { Access, Caller } from './authentication.ts'
import type { EnvironmentPlace } from './environment-limits.ts'
import type { ProblemError } from './problem-error.ts'
import type { RouteMap } from './route-map.ts'
import type { Telemetry } from './telemetry.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Without it, only the admin token opens the route. @default 'admin' */
    access?: Access
    /** Without it, a token that is limited to environments is refused. */
    environment?: EnvironmentPlace
    /** Records requests of agents in the audit trail. All other changes are recorded anyway. */
    audited?: boolean
    /** Limits the route as a question to the store, for which the request has `reading`. */
    reads?: boolean
    /** Maximum size of a body as sent and after decompression, in bytes. @default 262144 */
    maxBodyBytes?: number
    /** Advice about a body that is too large. @default 'Send a smaller one.' */
    sizeAdvice?: string
  }
  interface FastifySchema {
    /** Description of the successful response in the OpenAPI document. */
    success?: string
  }
  interface FastifyRequest {
    /** Set before the body is read. */
    caller: Caller
    /** The question of a route with `reads`. */
    reading: ReadSession
    /** Set when the request is answered with a problem. */
    problem?: ProblemError
    /** The object of a change, for the audit trail, where path and body do not name it. */
    auditTarget?: AuditTarget
    /** Set when the request is in the audit trail. */
    audited?: boolean
  }
  interface FastifyInstance {
    routeMap: RouteMap
  }
}

/** Fastify with routes typed by their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** Dependencies of the routes. */
export interface Context {
  readonly store: Store
  /** Which connectors are installed. Routes never load them: they use `connectors`. */
  readonly registry: Registry
  readonly connectors: ConnectorHost
  readonly telemetry: Telemetry
  readonly auditTrail: AuditTrail
  readonly agentFiles: AgentFiles
  /** Folder of the agent's package. It contains the installers. */
  readonly agentFolder: string
  /** Folder that `npm run artifacts` fills. */
  readonly artifactsFolder: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Address of the platform in deployment commands. */
  readonly publicUrl: () => string
  /** Returns what is wrong with that address, for the instructions of a deployment. */
  readonly addressWarnings: () => readonly AddressWarning[]
  /** Seconds between two heartbeats of agents without an interval of their own. */
  readonly heartbeatSeconds: number
  /** Seconds for which tokens stay valid after a rotation, unless the request sets another time. */
  readonly graceSeconds: number
  /** Milliseconds for which the key of an agent is valid. */
  readonly agentKeyTtlMs: number
}

/** Adds the routes of one resource to the app. */
export type AddRoutes = (app: App, context: Context) => void
