import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import ky, { isHTTPError, type KyInstance } from 'ky'
import type { z } from 'zod'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import { textRedactor } from '../redaction/redact-text.ts'
import { platformUrlText } from './platform-url.ts'
import {
  AGENT_PATHS,
  type DataResponse,
  dataResponseSchema,
  type HeartbeatRequest,
  type HeartbeatResponse,
  heartbeatResponseSchema,
  problemSchema,
} from './protocol.ts'
import type { ReportBody } from './report-body.ts'

const compress = promisify(gzip)

/** Bodies of this many bytes or more are compressed. */
const COMPRESS_FROM = 1024

/** Longest answer that is read, in UTF-16 code units. */
const LONGEST_ANSWER = 65_536

/** How long the platform may take to answer one attempt, in milliseconds. */
const TIMEOUT = 15_000

/** Longest wait between two attempts of one call, in milliseconds, whatever the platform asks for. */
const LONGEST_WAIT = 60_000

/** Answers that blame the request itself: the same bytes would get the same answer. Any other failure may pass, such as 404 while the platform is set up. */
const FINAL = new Set([400, 413, 414, 415, 422, 431])

export interface PlatformClientOptions {
  readonly platformUrl: URL
  readonly agentToken: string
  /** Sent as `User-Agent`. */
  readonly userAgent: string
  /** How often a failed call is repeated at once. */
  readonly retryCount: number
  readonly log: Logger
}

/** The agent's side of the wire. Every call rejects with a `PlatformError` only. */
export interface PlatformClient {
  /** Delivers reports that are already JSON, gzipped or not. Repeats with full jitter, honours Retry-After. */
  sendReports(reports: readonly ReportBody[], signal?: AbortSignal): Promise<DataResponse>
  /** Says that the agent is alive. Not repeated: the next heartbeat is the repetition. */
  sendHeartbeat(heartbeat: HeartbeatRequest, signal?: AbortSignal): Promise<HeartbeatResponse>
}

/** Talks to a platform with bearer authentication. Says once when the token is refused, and once when it is accepted again. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { platformUrl, agentToken, log } = options
  const base = platformUrlText(platformUrl)
  const redact = textRedactor([agentToken])
  const http = ky.create({
    headers: {
      authorization: `Bearer ${agentToken}`,
      'user-agent': options.userAgent,
      'content-type': 'application/json',
    },
    timeout: TIMEOUT,
    redirect: 'error',
    retry: {
      limit: options.retryCount,
      methods: ['post'],
      statusCodes: [408, 425, 429, 500, 502, 503, 504],
      afterStatusCodes: [429, 503],
      maxRetryAfter: LONGEST_WAIT,
      backoffLimit: LONGEST_WAIT,
      jitter: true,
      retryOnTimeout: true,
    },
  })
  const once = http.extend({ retry: { limit: 0 } })
  let refused = false

  const call = async <Schema extends z.ZodType>(
    client: KyInstance,
    path: string,
    json: readonly ReportBody[],
    schema: Schema,
    signal: AbortSignal | undefined,
  ): Promise<z.output<Schema>> => {
    try {
      const response = schema.safeParse(await withOwnSignal(signal, (own) => post(client, base + path, json, own)))
      if (!response.success) throw new PlatformError(notThePlatform(base, path), { retryable: true })
      if (refused) log.info({ platform_url: base }, 'the platform accepts the token again')
      refused = false
      return response.data
    } catch (error) {
      const failure = toPlatformError(error, base, path, redact)
      if (failure.refusedToken && !refused) {
        refused = true
        log.error(
          { platform_url: base, status: failure.status },
          `${failure.message.replace(/\.$/, '')}. Nothing is lost yet: the agent keeps what it collects, within its queue, and goes on trying. Give it a valid token, or stop it`,
        )
      }
      throw failure
    }
  }

  return {
    sendReports: (reports, signal) => call(http, AGENT_PATHS.data, requestOf(reports), dataResponseSchema, signal),
    sendHeartbeat: (heartbeat, signal) =>
      call(once, AGENT_PATHS.heartbeat, [JSON.stringify(heartbeat)], heartbeatResponseSchema, signal),
  }
}

/** A request's JSON, in pieces. */
function requestOf(reports: readonly ReportBody[]): ReportBody[] {
  return ['{"reports":[', ...reports.flatMap((report, index) => (index === 0 ? [report] : [',', report])), ']}']
}

async function post(
  client: KyInstance,
  url: string,
  json: readonly ReportBody[],
  signal: AbortSignal,
): Promise<unknown> {
  const { body, encoded } = await bodyOf(json)
  const response = await client.post(url, { body, headers: encoded ? { 'content-encoding': 'gzip' } : {}, signal })
  return JSON.parse(await readBounded(response)) as unknown
}

/** Pieces as one body. A gzip file may consist of several, one after the other: what is compressed already stays as it is. */
async function bodyOf(
  pieces: readonly ReportBody[],
): Promise<{ body: string | Uint8Array<ArrayBuffer>; encoded: boolean }> {
  const texts: ReportBody[] = []
  for (const piece of pieces) {
    const last = texts.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') texts[texts.length - 1] = last + piece
    else texts.push(piece)
  }
  const [text] = texts
  if (texts.length === 1 && typeof text === 'string' && Buffer.byteLength(text) < COMPRESS_FROM)
    return { body: text, encoded: false }
  const members = await Promise.all(texts.map((each) => (typeof each === 'string' ? compress(each) : each)))
  return { body: Buffer.concat(members), encoded: true }
}

/** An answer's text. An answer of the protocol is short: a longer one is not read, so that nobody can fill the agent's memory. */
async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > LONGEST_ANSWER) throw new SyntaxError('the answer is too long')
  }
  return text + decoder.decode()
}

/** Gives a call a signal that lives no longer than it: ky and fetch leave something behind on every signal that they are given, and an agent's lives for months. */
async function withOwnSignal<Result>(
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const own = new AbortController()
  const abort = (): void => own.abort(parent?.reason)
  parent?.addEventListener('abort', abort, { once: true })
  if (parent?.aborted === true) abort()
  try {
    return await run(own.signal)
  } finally {
    parent?.removeEventListener('abort', abort)
  }
}

/** What went wrong, without what ky and fetch put into their errors: the whole request, with the token in its headers. */
function toPlatformError(error: unknown, base: string, path: string, redact: (text: string) => string): PlatformError {
  if (error instanceof PlatformError) return error
  if (isHTTPError(error)) {
    const { status, headers } = error.response
    const retryAfter = retryAfterOf(headers.get('retry-after'))
    return new PlatformError(
      redact(`The platform at ${base} answered ${status} to ${path}${explanation(error.data)}`),
      { status, retryable: !FINAL.has(status), ...(retryAfter === undefined ? {} : { retryAfter }) },
    )
  }
  if (error instanceof SyntaxError) return new PlatformError(notThePlatform(base, path), { retryable: true })
  const cause = rootCause(error)
  const reason = redact(cause instanceof Error ? networkReason(cause) : String(cause))
  return new PlatformError(`The platform at ${base} could not be reached for ${path}: ${reason}`, {
    retryable: true,
    ...(cause === error ? {} : { cause }),
  })
}

function notThePlatform(base: string, path: string): string {
  return `The platform at ${base} answered ${path} with something that is no answer of its protocol. Check that \`platformUrl\` is the platform's address`
}

/** Seconds or an HTTP date, as milliseconds from now. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

function explanation(body: unknown): string {
  const problem = problemSchema.safeParse(body)
  if (!problem.success) return ''
  const fields = (problem.data.errors ?? []).slice(0, 3).map((field) => `${field.pointer} ${field.detail}`)
  return `: ${[problem.data.detail ?? problem.data.title, ...fields].join('; ')}`
}

/** fetch says only "fetch failed"; what happened stands in the causes. */
function rootCause(error: unknown): unknown {
  let deepest = error
  while (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause
  return deepest
}

/** A name with several addresses fails with one error each, and no message of its own. */
function networkReason(error: Error): string {
  const errors = error instanceof AggregateError && error.message === '' ? (error.errors as unknown[]) : [error]
  return errors.map((each) => withCode(each as Error)).join('; ')
}

function withCode({ message, name, code }: Error & { readonly code?: unknown }): string {
  const text = message === '' ? name : message
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text
}
