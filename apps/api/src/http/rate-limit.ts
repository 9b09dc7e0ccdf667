import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from './problem-error.ts'

/** Requests a minute. */
export interface RateLimits {
  /** With one token. */
  readonly perToken: number
  /** From one address, without a valid token. */
  readonly perAddress: number
}

/** Counts a request. @throws {ProblemError} 429 */
export type LimitRate = (request: FastifyRequest, key: string) => Promise<void>

/**
 * Counts requests by token, and requests without a valid token by address, so that tokens cannot be guessed quickly.
 */
export async function createRateLimit(app: FastifyInstance, limits: RateLimits): Promise<LimitRate> {
  await app.register(rateLimit, { global: false })
  const keys = new WeakMap<FastifyRequest, string>()
  const count = app.createRateLimit({
    keyGenerator: (request) => keys.get(request) ?? request.ip,
    max: (_request, key) => (key.startsWith('address ') ? limits.perAddress : limits.perToken),
    timeWindow: 60_000,
  })
  return async (request, key) => {
    keys.set(request, key)
    const result = await count(request)
    if (result.isAllowed || !result.isExceeded) return
    throw new ProblemError(
      429,
      `More than ${result.max} requests in a minute. Try again in ${result.ttlInSeconds} s.`,
      {
        headers: { 'retry-after': String(Math.max(1, result.ttlInSeconds)) },
      },
    )
  }
}
