import fastifyRateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { ProblemError } from './problem-error.ts'

/** Calls that are counted apart. `address` limits guesses of tokens. */
type Kind = 'address' | 'public' | 'admin' | 'access' | 'agent' | 'heartbeat'

/** Counts one request of a sender. @throws {ProblemError} 429 */
export type LimitRate = (request: FastifyRequest, kind: Kind, sender: string) => Promise<void>

/** Limits the requests of one sender in a minute. */
export async function createRateLimit(
  app: FastifyInstance,
  { rateLimit: perSender, rateLimitUnauthenticated: perAddress }: CompleteApiOptions,
): Promise<LimitRate> {
  await app.register(fastifyRateLimit, { global: false })
  const keys = new WeakMap<FastifyRequest, string>()
  const count = app.createRateLimit({
    keyGenerator: (request) => keys.get(request) ?? request.ip,
    max: (_request, key) => (key.startsWith('address ') ? perAddress : perSender),
    timeWindow: 60_000,
  })
  return async (request, kind, sender) => {
    keys.set(request, `${kind} ${sender}`)
    const result = await count(request)
    if (result.isAllowed || !result.isExceeded) return
    const detail = `More than ${result.max} requests in a minute. Try again later.`
    throw new ProblemError(429, detail, { headers: { 'retry-after': String(Math.max(1, result.ttlInSeconds)) } })
  }
}

/** Returns the address of a sender without a port, which some proxies add. An IPv6 network of 64 bits is one sender. */
export function senderOf({ ip }: FastifyRequest): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(ip)?.[1] ?? /^([\d.]+):\d+$/.exec(ip)?.[1] ?? ip
  return normalizeIP(bare)
}
