import { toMilliseconds } from '@rca/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CompleteApiOptions } from '../options/api-options.ts'
import { createReadSession } from '../store/read-session.ts'
import { ProblemError, unavailable } from './problem-error.ts'

/** One token can use a quarter of the places. */
const SHARES = 4

const RETRY_AFTER_SECONDS = 2

/** Status of a request whose caller closed the connection, for the log and the metrics. */
const CALLER_LEFT = 499

/**
 * Limits the questions of routes with `reads`: how many are answered at the same time, and for how long. A question
 * ends when its caller leaves.
 */
export function limitReads(
  app: FastifyInstance,
  options: Pick<CompleteApiOptions, 'maxConcurrentReads' | 'readTimeout' | 'maxPointsScanned'>,
  nameOf: (request: FastifyRequest) => string,
): void {
  const places = createPlaces(options.maxConcurrentReads)
  const timeoutMs = toMilliseconds(options.readTimeout)
  const ends = new WeakMap<FastifyRequest, () => void>()
  app.decorateRequest('reading')

  app.addHook('preHandler', async (request, reply) => {
    if (request.routeOptions.config.reads !== true) return
    const leave = places.enter(nameOf(request))
    const controller = new AbortController()
    const timer = setTimeout(() => {
      controller.abort(tooLong(options.readTimeout))
      // The status is sent already: a cut connection shows that the answer is incomplete.
      if (reply.raw.headersSent) reply.raw.destroy()
    }, timeoutMs)
    const end = (): void => {
      clearTimeout(timer)
      leave()
      controller.abort(new ProblemError(CALLER_LEFT, 'The caller has closed the connection.'))
    }
    ends.set(request, end)
    reply.raw.once('close', end)
    request.reading = createReadSession(controller.signal, options.maxPointsScanned)
  })

  app.addHook('onResponse', async (request) => {
    ends.get(request)?.()
  })
}

/** Limits how many questions are answered at the same time. */
function createPlaces(max: number) {
  const share = Math.max(1, Math.floor(max / SHARES))
  const byName = new Map<string, number>()
  let taken = 0
  return {
    /** Takes a place. Returns a function that gives it back. @throws {ProblemError} 429, 503 */
    enter: (name: string): (() => void) => {
      const own = byName.get(name) ?? 0
      if (own >= share)
        throw new ProblemError(
          429,
          `The platform answers ${share} questions of one token at the same time, a quarter of \`RCA_MAX_CONCURRENT_READS\`. Ask again when one of them is answered.`,
          { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } },
        )
      if (taken >= max)
        throw unavailable(
          `The platform answers ${max} questions at the same time (\`RCA_MAX_CONCURRENT_READS\`). Ask again later.`,
          RETRY_AFTER_SECONDS,
        )
      taken += 1
      byName.set(name, own + 1)
      let isTaken = true
      return () => {
        if (!isTaken) return
        isTaken = false
        taken -= 1
        const rest = (byName.get(name) ?? 1) - 1
        if (rest === 0) byName.delete(name)
        else byName.set(name, rest)
      }
    },
  }
}

function tooLong(timeout: string | number): ProblemError {
  return unavailable(
    `The answer took longer than ${timeout} (\`RCA_READ_TIMEOUT\`). Ask for a shorter range, fewer series or a smaller \`limit\`.`,
    RETRY_AFTER_SECONDS,
  )
}
