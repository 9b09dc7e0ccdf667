import type { Registry } from '@rca/core'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { AgentFiles } from '../helm/agent-files.ts'
import type { Store } from '../store/store.ts'
import type { Access, Caller } from './authentication.ts'
import type { RouteMap } from './route-map.ts'
import type { Telemetry } from './telemetry.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** What to do about a body that is too large. @default 'Send a smaller one.' */
    sizeAdvice?: string
  }
  interface FastifySchema {
    /** What a success answers, for the OpenAPI document. */
    success?: string
  }
  interface FastifyRequest {
    /** Set before anything of the request's body is read. */
    caller: Caller
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

/** What routes work with. */
export interface Context {
  readonly store: Store
  readonly registry: Registry
  readonly telemetry: Telemetry
  readonly agentFiles: AgentFiles
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The platform's address as agents see it. */
  readonly publicUrl: () => string
  /** Seconds between two heartbeats, unless an agent has an interval of its own. */
  readonly heartbeatSeconds: number
  /** How long tokens stay valid after they were rotated, in seconds, unless the request says otherwise. */
  readonly graceSeconds: number
}
