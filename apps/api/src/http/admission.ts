import type { Readable } from 'node:stream'
import { runInTimeSlices, toMilliseconds } from '@rca/core'
import { AGENT_PATHS } from '@rca/core/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompleteApiOptions } from '../options/api-options.ts'
import type { Credential } from '../store/records.ts'
import type { Authenticate } from './authentication.ts'
import { createEventLoopDelay, refuseWhenLate } from './event-loop-delay.ts'
import { createIngestGate } from './ingest-gate.ts'
import { parseJsonBody } from './json-body.ts'
import { ProblemError } from './problem-error.ts'
import { createRateLimit, senderOf } from './rate-limit.ts'
import { receiveBody } from './request-body.ts'
import type { RouteMap } from './route-map.ts'

/** Maximum size of a body, on routes that do not declare another. */
const DEFAULT_MAX_BODY_BYTES = 262_144

/** Routes for probes, which are cheap and must not be refused. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** One token or key can use a quarter of the limits for agents. */
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
  // Heartbeats and admins have as many requests of their own.
  const gates = {
    heartbeat: createIngestGate({ requests, bytes: MAX_BODIES_IN_MEMORY * decoded, shares: SHARES }),
    agent: createIngestGate({ requests, bytes: MAX_BODIES_IN_MEMORY * decoded, shares: SHARES }),
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
    try {
      request.caller = await authenticate(request, request.routeOptions.config.access ?? 'admin')
    } catch (error) {
      if (error instanceof ProblemError) await limitRate(request, 'address', senderOf(request))
      throw error
    }
    if (request.caller.kind === 'admin') await limitRate(request, 'admin', '')
    const { url = '' } = request.routeOptions
    if (request.caller.kind === 'public' && !PROBES.has(url)) await limitRate(request, 'public', senderOf(request))
  })

  // After all other checks: a refused request does not use up the allowance of its agent, and agents that share a token
  // have allowances of their own.
  app.addHook('preHandler', async (request) => {
    if (request.caller.kind !== 'agent') return
    const kind = request.routeOptions.url === AGENT_PATHS.heartbeat ? 'heartbeat' : 'agent'
    const { credential } = request.caller
    for (const agent of agentsOf(request.body, credential))
      await limitRate(request, kind, `${credential.environment} ${credential.agent_type} ${agent}`)
  })

  app.addHook('preParsing', async (request, reply, payload) => {
    if (request.method === 'GET' || request.method === 'HEAD') return payload
    const { caller } = request
    const isHeartbeat = request.routeOptions.url === AGENT_PATHS.heartbeat
    const gate = gates[isHeartbeat ? 'heartbeat' : caller.kind === 'agent' ? 'agent' : 'admin']
    const ticket = gate.enter(caller.kind === 'agent' ? nameOf(caller.credential) : caller.kind)
    releases.set(request, () => gate.leave(ticket))
    // A request that its sender aborts is closed without a response.
    reply.raw.once('close', () => gate.leave(ticket))
    const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = request.routeOptions.config
    return receiveBody(
      payload as Readable,
      request.headers['content-encoding'],
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

  app.addHook('onResponse', async (request) => {
    releases.get(request)?.()
  })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: decoded },
    async ({ routeOptions }: FastifyRequest, body: Buffer) =>
      runInTimeSlices(parseJsonBody(body, routeOptions.config.sizeAdvice)),
  )
}

/** Returns the ids of the agents of a validated request. A request that names none counts for its token or key. */
function agentsOf(body: unknown, credential: Credential): Iterable<string> {
  const { agent_id, reports } = (body ?? {}) as { agent_id?: string; reports?: readonly { agent_id: string }[] }
  if (agent_id !== undefined) return [agent_id.toLowerCase()]
  if (reports !== undefined) return new Set(reports.map((report) => report.agent_id.toLowerCase()))
  return [nameOf(credential)]
}

/** Names the token or key for which concurrent requests are counted. */
function nameOf({ kind, id }: Credential): string {
  return `${kind} ${id}`
}
