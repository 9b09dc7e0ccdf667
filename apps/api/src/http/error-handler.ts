import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError, unavailable } from './problem-error.ts'
import { tooLarge } from './request-body.ts'

/** Seconds after which a store that failed may work again. */
const STORE_RETRY = 10

/** Answers every error as a problem. No stack trace and no value of the request leaves through here. */
export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request)
  const refusal = { method: request.method, route: request.routeOptions.url, status: problem.statusCode }
  if (isDeliberate(problem)) request.log.warn(refusal, problem.message)
  else if (problem.statusCode >= 500)
    request.log.error({ ...problem.logged, err: problem.cause ?? error, status: problem.statusCode }, 'request failed')
  else request.log.info(refusal, 'request refused')
  sendProblem(reply, problem)
}

/** The load is too high, and nothing is broken. A 503 of the store has a cause. */
function isDeliberate({ statusCode, cause }: ProblemError): boolean {
  return statusCode === 429 || (statusCode === 503 && cause === undefined)
}

/** Writes a problem as the answer. */
function sendProblem(reply: FastifyReply, problem: ProblemError): void {
  void reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem.toJSON())
}

function toProblem(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error
  const { code = '', statusCode = 500 } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Partial<FastifyError>
  if (code === 'ERR_SQLITE_ERROR')
    return unavailable('The store cannot answer at the moment. Try again later.', STORE_RETRY, error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return tooLarge(`${request.routeOptions.bodyLimit} bytes (sent)`, request.routeOptions.config.sizeAdvice, error)
  const known = KNOWN[code]
  if (known !== undefined) return new ProblemError(known[0], known[1], { cause: error })
  if (statusCode >= 400 && statusCode < 500)
    return new ProblemError(statusCode, 'The request cannot be read.', { cause: error })
  return new ProblemError(500, 'Something went wrong here. It is in the log of the platform.', { cause: error })
}

const KNOWN: Readonly<Record<string, readonly [number, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'Only JSON is understood: send `Content-Type: application/json`.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'The body is not as long as `Content-Length` says.'],
  FST_ERR_BAD_URL: [400, 'The path is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'A part of the path is too long.'],
  Z_DATA_ERROR: [400, 'The body is not valid gzip, as `Content-Encoding` says it is.'],
  Z_BUF_ERROR: [400, 'The gzip body ends too early.'],
}
