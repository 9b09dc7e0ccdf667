import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { ProblemError } from './problem-error.ts'

/**
 * Counts requests by token, and requests without a valid token by address, so that no token can be guessed quickly. The
 * returned function counts one. It throws a {@link ProblemError} 429.
 */
export async function createRateLimit(
  app: FastifyInstance,
  { rateLimit: perToken, rateLimitUnauthenticated: perAddress }: CompleteApiOptions,
): Promise<(request: FastifyRequest, key: string) => Promise<void>> {
  await app.register(fastifyRateLimit, { global: false })
  const keys = new WeakMap<FastifyRequest, string>()
  const count = app.createRateLimit({
    keyGenerator: (request) => keys.get(request) ?? request.ip,
    max: (_request, key) => (key.startsWith('address ') ? perAddress : perToken),
    timeWindow: 60_000,
  })
  return async (request, key) => {
    keys.set(request, key)
    const result = await count(request)
    if (result.isAllowed || !result.isExceeded) return
    const detail = `More than ${result.max} requests in a minute. Try again in ${result.ttlInSeconds} s.`
    throw new ProblemError(429, detail, { headers: { 'retry-after': String(Math.max(1, result.ttlInSeconds)) } })
  }
}
