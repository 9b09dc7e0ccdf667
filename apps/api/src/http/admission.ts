import type { Readable } from 'node:stream'
import { runInTimeSlices, toMilliseconds } from '@rca/core'
import { AGENT_PATHS } from '@rca/core/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { changesAccess, logSender } from './audit-trail.ts'
import { type Authenticate, assertScope, type Caller } from './authentication.ts'
import { limitEnvironments } from './environment-limits.ts'
import { createEventLoopDelay, refuseWhenLate } from './event-loop-delay.ts'
import { createIngestGate } from './ingest-gate.ts'
import { parseJsonBody } from './json-body.ts'
import { ProblemError } from './problem-error.ts'
import { createRateLimit, type LimitRate, senderOf } from './rate-limit.ts'
import { limitReads } from './read-limits.ts'
import { receiveBody } from './request-body.ts'
import type { RouteMap } from './route-map.ts'

/** Maximum size of a body, on routes that do not declare another. */
const DEFAULT_MAX_BODY_BYTES = 262_144

/** Routes for probes, which are cheap and must not be refused. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** One token or key can use a quarter of the limits for its kind. */
const SHARES = 4

/** Maximum bytes of agents' bodies in memory, as a multiple of the largest body. */
const MAX_BODIES_IN_MEMORY = 4

/** Checks every request before its route: load, token, rate, size. In this order, so that refusing is cheap. */
export async function admitRequests(
  app: FastifyInstance,
  options: CompleteApiOptions,
  authenticate: Authenticate,
  notFound: RouteMap['notFound'],
): Promise<void> {
  const { maxConcurrentRequests: requests, bodyLimit: encoded, bodyLimitDecoded: decoded } = options
  const bodyLimits = { encoded, decoded, arrivalTimeoutMs: toMilliseconds(options.bodyTimeout) }
  // Heartbeats have as many requests of their own, people and programs too, and the admin token again.
  const gates = {
    heartbeat: createIngestGate({ requests, bytes: MAX_BODIES_IN_MEMORY * decoded, shares: SHARES }),
    agent: createIngestGate({ requests, bytes: MAX_BODIES_IN_MEMORY * decoded, shares: SHARES }),
    access: createIngestGate({ requests, bytes: SHARES * decoded, shares: SHARES }),
    admin: createIngestGate({ requests, bytes: decoded, shares: 1 }),
  }
  const releases = new WeakMap<FastifyRequest, () => void>()
  const limitRate = await createRateLimit(app, options)
  refuseWhenLate(app, options.maxEventLoopDelayMs, createEventLoopDelay())

  app.decorateRequest('caller')
  app.addHook('onRequest', async (request) => {
    request.caller = { kind: 'public' }
    // Refused before the body is read, since the sender is not authenticated.
    if (request.is404) throw notFound(request)
    const { access = 'admin' } = request.routeOptions.config
    try {
      request.caller = await authenticate(request, access)
    } catch (error) {
      if (error instanceof ProblemError) await limitRate(request, 'address', senderOf(request))
      throw error
    }
    const { caller } = request
    const { url = '' } = request.routeOptions
    if (changesAccess(request)) logSender(request)
    if (caller.kind === 'public' && !PROBES.has(url)) await limitRate(request, 'public', senderOf(request))
    if (caller.kind === 'admin' || caller.kind === 'access') await limitRate(request, caller.kind, nameOf(caller))
    assertScope(caller, access)
  })

  limitAgents(app, limitRate)

  app.addHook('preParsing', async (request, reply, payload) => {
    if (request.method === 'GET' || request.method === 'HEAD') return payload
    const { caller } = request
    const isHeartbeat = request.routeOptions.url === AGENT_PATHS.heartbeat
    const gate = gates[isHeartbeat ? 'heartbeat' : caller.kind === 'public' ? 'admin' : caller.kind]
    const ticket = gate.enter(nameOf(caller))
    releases.set(request, () => gate.leave(ticket))
    // A request that its sender aborts is closed without a response.
    reply.raw.once('close', () => gate.leave(ticket))
    const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = request.routeOptions.config
    return receiveBody(
      payload as Readable,
      request.headers,
      {
        ...bodyLimits,
        encoded: Math.min(bodyLimits.encoded, maxBodyBytes),
        decoded: Math.min(bodyLimits.decoded, maxBodyBytes),
      },
      gate,
      ticket,
      request.routeOptions.config.sizeAdvice,
    )
  })

  app.addHook('preHandler', async (request) => limitEnvironments(request))
  limitReads(app, options, ({ caller }) => nameOf(caller))

  app.addHook('onResponse', async (request) => {
    releases.get(request)?.()
  })
  parseBodiesInSteps(app, decoded)
}

function parseBodiesInSteps(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit },
    async ({ routeOptions }: FastifyRequest, body: Buffer) =>
      runInTimeSlices(parseJsonBody(body, routeOptions.config.sizeAdvice)),
  )
}

/**
 * Counts the requests of each agent, after all other checks: a refused request does not use up the allowance of its
 * agent, and agents that share a token have allowances of their own.
 */
function limitAgents(app: FastifyInstance, limitRate: LimitRate): void {
  app.addHook('preHandler', async (request) => {
    const { caller } = request
    if (caller.kind !== 'agent') return
    const kind = request.routeOptions.url === AGENT_PATHS.heartbeat ? 'heartbeat' : 'agent'
    const { environment, agent_type } = caller.credential
    for (const agent of agentsOf(request.body) ?? [nameOf(caller)])
      await limitRate(request, kind, `${environment} ${agent_type} ${agent}`)
  })
}

/** Returns the ids of the agents of a validated request, or `undefined` if it names none. */
function agentsOf(body: unknown): Iterable<string> | undefined {
  const { agent_id, reports } = (body ?? {}) as { agent_id?: string; reports?: readonly { agent_id: string }[] }
  if (agent_id !== undefined) return [agent_id.toLowerCase()]
  return reports === undefined ? undefined : new Set(reports.map((report) => report.agent_id.toLowerCase()))
}

/** Names the token or key for which requests are counted. */
function nameOf(caller: Caller): string {
  if (caller.kind === 'agent') return `${caller.credential.kind} ${caller.credential.id}`
  return caller.kind === 'access' ? `access ${caller.token.id}` : caller.kind
}
