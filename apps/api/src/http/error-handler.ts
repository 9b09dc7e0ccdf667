import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { UnknownSeriesSetError } from '../store/ingest/point-writer.ts'
import { RemovedSenderError } from '../store/ingest/removed-sender.ts'
import { ReadLimitError } from '../store/read-session.ts'
import { isOfRemoved } from '../store/sqlite/sqlite-errors.ts'
import { StorageError } from '../store/storage-error.ts'
import { logSender } from './audit-trail.ts'
import { invalid, ProblemError, unauthorized, unavailable } from './problem-error.ts'
import { senderOf } from './rate-limit.ts'
import { tooLarge } from './request-body.ts'
import type { SpreadRetries } from './retry-after.ts'

const STORE_RETRY_AFTER_SECONDS = 10

/** A person has to repair the store first. */
const REPAIR_RETRY_AFTER_SECONDS = 60

/** Answers an error with a problem. */
export type HandleError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void

/** Answers every error with a problem, without stack traces and values of the request. */
export function createErrorHandler(spreadRetries: SpreadRetries): HandleError {
  return (error, request, reply) => {
    const problem = answerProblem(error, request, reply)
    const { 'retry-after': seconds } = problem.headers
    const caller = problem.statusCode === 429 ? limitedCaller(request) : undefined
    if (seconds !== undefined) reply.header('retry-after', String(spreadRetries(Number(seconds), caller)))
    void reply.send(problem.toJSON())
  }
}

/** Names the caller whose own limit was reached. */
function limitedCaller(request: FastifyRequest): string {
  const { caller } = request
  if (caller?.kind === 'agent') return `${caller.credential.kind} ${caller.credential.id}`
  return caller?.kind === 'access' ? `access ${caller.token.id}` : senderOf(request)
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): ProblemError {
  const problem = toProblem(error, request)
  request.problem = problem
  logSender(request)
  const fields = {
    method: request.method,
    route: request.routeOptions.url,
    status: problem.statusCode,
    ...problem.logFields,
  }
  if (isOverload(problem)) request.log.warn({ ...fields, detail: problem.message }, 'request refused: overload')
  else if (problem.statusCode >= 500) request.log.error({ ...fields, err: problem.cause ?? error }, 'request failed')
  else request.log.info(fields, 'request refused')
  void reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
  return problem
}

/** Overload is not a failure. A 503 of the store has a cause. */
function isOverload({ statusCode, cause }: ProblemError): boolean {
  return statusCode === 429 || (statusCode === 503 && cause === undefined)
}

function toProblem(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error
  if (isOfRemoved(error) || error instanceof RemovedSenderError)
    return unauthorized(
      'The agent or its environment was removed. To let it in again, give it a token that is provisioned afterwards.',
    )
  if (error instanceof UnknownSeriesSetError) return new ProblemError(409, error.message)
  const { code = '', statusCode = 500 } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Partial<FastifyError>
  if (error instanceof StorageError)
    return unavailable(error.message, error.isTemporary ? STORE_RETRY_AFTER_SECONDS : REPAIR_RETRY_AFTER_SECONDS, error)
  if (error instanceof ReadLimitError) return tooManyPoints(error)
  if (code === 'ERR_SQLITE_ERROR')
    return unavailable('The store is temporarily unavailable. Try again later.', STORE_RETRY_AFTER_SECONDS, error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return tooLarge(`${request.routeOptions.bodyLimit} bytes (sent)`, request.routeOptions.config.sizeAdvice, error)
  const known = KNOWN_ERRORS[code]
  if (known !== undefined) return new ProblemError(known[0], known[1], { cause: error })
  if (statusCode >= 400 && statusCode < 500)
    return new ProblemError(statusCode, 'The request is not valid.', { cause: error })
  return new ProblemError(500, 'Internal error. The log of the platform has the cause.', { cause: error })
}

function tooManyPoints({ maxPoints }: ReadLimitError): ProblemError {
  const detail = `The answer needs more than ${maxPoints} stored points (\`RCA_MAX_POINTS_SCANNED\`). Choose a shorter range, or select fewer series: by entity, by attribute or with a smaller \`limit\`.`
  return invalid([{ pointer: '#/query/from', detail }])
}

/** Status and detail by the code of an error of Fastify or zlib. */
const KNOWN_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'The body must be JSON: send `Content-Type: application/json`.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'The length of the body differs from `Content-Length`.'],
  FST_ERR_BAD_URL: [400, 'The path is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'A segment of the path is too long.'],
  Z_DATA_ERROR: [400, 'The body is not valid gzip, although `Content-Encoding` is gzip.'],
  Z_BUF_ERROR: [400, 'The gzip body is incomplete.'],
}
