import type { z } from 'zod'
import { type Backoff, fullJitter, spread } from '../backoff.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import { createSecretReplacer } from '../redaction/secret-replacer.ts'
import { sleep } from '../timers.ts'
import { type Credential, createCredentials } from './credentials.ts'
import { createHttpClient, type HttpResponse } from './http.ts'
import { networkReason, rootCause } from './network-reason.ts'
import { platformUrlText } from './platform-url.ts'
import {
  type AccessQuery,
  type AccessResponse,
  AGENT_PATHS,
  type AgentKey,
  accessResponseSchema,
  agentKeySchema,
  type DataResponse,
  dataResponseSchema,
  type EnrollRequest,
  type HeartbeatRequest,
  type HeartbeatResponse,
  heartbeatResponseSchema,
  problemSchema,
  type RotateKeyRequest,
} from './protocol.ts'
import { compress, type ReportBody } from './report-body.ts'

/** Size from which a request body is compressed. */
const MIN_COMPRESSED_BYTES = 1024

/** Timeout of one attempt. */
const REQUEST_TIMEOUT_MS = 15_000

/** Wait between two attempts of one call. Its longest is also the longest that `Retry-After` can ask for. */
const RETRY_BACKOFF: Backoff = { baseMs: 300, maxMs: 60_000 }

/** Statuses after which one call is tried again. */
const RETRIED_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504])

/** A retry is useless: the request itself is wrong. Others may be temporary, such as 404 while a platform is set up. */
const FINAL_STATUSES = new Set([400, 413, 414, 415, 422, 431])

export interface PlatformClientOptions {
  readonly platformUrl: URL
  readonly agentToken: string
  readonly userAgent: string
  readonly retryCount: number
  readonly log: Logger
}

/** The agent's HTTP client for the platform. Calls reject with a `PlatformError` only. */
export interface PlatformClient {
  /** Delivers reports in JSON, gzipped or not. Retries with full jitter and honours Retry-After. */
  sendReports(reports: readonly ReportBody[], signal?: AbortSignal): Promise<DataResponse>
  /** Sends a heartbeat. Does not retry: the next heartbeat follows anyway. */
  sendHeartbeat(heartbeat: HeartbeatRequest, signal?: AbortSignal): Promise<HeartbeatResponse>
  /** Exchanges the token for a key of this agent alone. Does not use the key, and does not retry. */
  enroll(request: EnrollRequest, signal?: AbortSignal): Promise<AgentKey>
  /** Returns a new key for the one in use. Does not use the new key, and does not retry. */
  rotateKey(request: RotateKeyRequest, signal?: AbortSignal): Promise<AgentKey>
  /** Asks whether the platform accepts the key or token for this agent. Does not retry. */
  checkAccess(query: AccessQuery, signal?: AbortSignal): Promise<AccessResponse>
  /**
   * Uses a key in place of the token; `undefined` uses the token. If the platform refuses the key, calls use the token
   * until the next key.
   */
  useKey(key: string | undefined): void
  /** Calls `reload` when the platform refuses the key, before using the token: a replica may have replaced the key. */
  onKeyRefused(reload: () => Promise<void>): void
  /** Returns true if the platform refused the key in use, and has not accepted it since. */
  isKeyRefused(): boolean
  /** Returns true while calls use a key. */
  usesKey(): boolean
}

interface CallOptions {
  /** Body of a POST, in pieces. Without it, the call is a GET. */
  readonly json?: readonly ReportBody[] | undefined
  /** @default 0 */
  readonly retries?: number
  /** Uses this and no other. */
  readonly only?: Credential | undefined
  readonly signal: AbortSignal | undefined
}

/** Creates a client. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { platformUrl, agentToken, retryCount, log } = options
  const base = platformUrlText(platformUrl)
  const credentials = createCredentials(agentToken, base, log)
  const exchange = createExchange(options.userAgent, base)
  let reloadKey = async (): Promise<void> => undefined

  const call = async <Schema extends z.ZodType>(
    path: string,
    { json, retries = 0, only, signal }: CallOptions,
    schema: Schema,
  ): Promise<z.output<Schema>> => {
    const credential = only ?? credentials.current()
    const redact = (text: string): string =>
      createSecretReplacer([agentToken, credential.text, credentials.key()?.text ?? ''])(text)
    const response = await exchange(path, credential, { json, retries, signal }).catch((error: unknown) => {
      throw unreachable(error, base, path, redact)
    })
    if (response.status >= 200 && response.status < 300) {
      const answer = schema.safeParse(readJson(response.body))
      if (!answer.success) throw notThePlatform(base, path)
      credentials.accept(credential)
      return answer.data
    }
    const failure = refusal(response, base, path, redact)
    if (!failure.refusedToken) throw failure
    if (credential.kind === 'key' && only === undefined) await reloadKey()
    credentials.refuse(credential, failure)
    if (credential.kind === 'token' || only !== undefined) throw failure
    // Again with a key that has replaced this one in the meantime, or with the token.
    return call(path, { json, retries, signal }, schema)
  }

  return {
    sendReports: (reports, signal) =>
      call(AGENT_PATHS.data, { json: requestOf(reports), retries: retryCount, signal }, dataResponseSchema),
    sendHeartbeat: (heartbeat, signal) =>
      call(AGENT_PATHS.heartbeat, { json: [JSON.stringify(heartbeat)], signal }, heartbeatResponseSchema),
    enroll: (request, signal) =>
      call(AGENT_PATHS.enroll, { json: [JSON.stringify(request)], only: credentials.token, signal }, agentKeySchema),
    rotateKey: (request, signal) =>
      call(AGENT_PATHS.rotateKey, { json: [JSON.stringify(request)], only: credentials.key(), signal }, agentKeySchema),
    checkAccess: (query, signal) =>
      call(`${AGENT_PATHS.access}?${new URLSearchParams(query)}`, { signal }, accessResponseSchema),
    useKey: credentials.useKey,
    isKeyRefused: credentials.isKeyRefused,
    onKeyRefused: (reload) => {
      reloadKey = reload
    },
    usesKey: () => credentials.current().kind === 'key',
  }
}

function requestOf(reports: readonly ReportBody[]): ReportBody[] {
  return ['{"reports":[', ...reports.flatMap((report, index) => (index === 0 ? [report] : [',', report])), ']}']
}

/** Creates a function that sends JSON with POST, or without any GET. Repeats requests that failed for the moment. */
function createExchange(userAgent: string, base: string) {
  const send = createHttpClient()
  return async (
    path: string,
    { text }: Credential,
    { json, retries = 0, signal }: CallOptions,
  ): Promise<HttpResponse> => {
    const { body, encoded } = json === undefined ? {} : await bodyOf(json)
    const request = {
      method: json === undefined ? ('GET' as const) : ('POST' as const),
      headers: {
        'user-agent': userAgent,
        authorization: `Bearer ${text}`,
        'content-type': 'application/json',
        ...(encoded === true ? { 'content-encoding': 'gzip' } : {}),
      },
      body,
      timeoutMs: REQUEST_TIMEOUT_MS,
      signal,
    }
    for (let failures = 1; ; failures += 1) {
      let retryAfterMs = 0
      try {
        const response = await send(base + path, request)
        if (failures > retries || !RETRIED_STATUSES.has(response.status)) return response
        retryAfterMs = Math.min(retryAfterOf(response.headers['retry-after']) ?? 0, RETRY_BACKOFF.maxMs)
      } catch (error) {
        if (failures > retries || signal?.aborted === true) throw error
      }
      const waitMs = retryAfterMs === 0 ? 0 : retryAfterMs + spread(retryAfterMs)
      await sleep(Math.max(waitMs, fullJitter(failures, RETRY_BACKOFF)), signal)
      signal?.throwIfAborted()
    }
  }
}

/** Returns `undefined` for a text that is not JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Joins pieces into one body. Gzipped data may be concatenated: compressed pieces are kept as they are. */
async function bodyOf(pieces: readonly ReportBody[]): Promise<{ body: string | Uint8Array; encoded: boolean }> {
  const texts: ReportBody[] = []
  for (const piece of pieces) {
    const last = texts.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') texts[texts.length - 1] = last + piece
    else texts.push(piece)
  }
  const [text] = texts
  if (texts.length === 1 && typeof text === 'string' && Buffer.byteLength(text) < MIN_COMPRESSED_BYTES)
    return { body: text, encoded: false }
  const members = await Promise.all(texts.map((each) => (typeof each === 'string' ? compress(each) : each)))
  return { body: Buffer.concat(members), encoded: true }
}

/** Converts a response that is not a success. */
function refusal(response: HttpResponse, base: string, path: string, redact: (text: string) => string): PlatformError {
  const { status, headers, body } = response
  const retryAfter = retryAfterOf(headers['retry-after'])
  const reason = headers.location === undefined ? explanation(readJson(body)) : redirection(headers.location, base)
  return new PlatformError(redact(`The platform at ${base} answered ${status} to ${path}${reason}`), {
    status,
    retryable: !FINAL_STATUSES.has(status),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

/** Converts an error without a response. */
function unreachable(error: unknown, base: string, path: string, redact: (text: string) => string): PlatformError {
  const cause = rootCause(error)
  const reason = redact(networkReason(error))
  return new PlatformError(`The platform at ${base} could not be reached for ${path}: ${reason}`, {
    retryable: true,
    ...(cause === error ? {} : { cause }),
  })
}

function notThePlatform(base: string, path: string): PlatformError {
  const problem = `The platform at ${base} answered ${path} with a response that is not part of its protocol`
  return new PlatformError(`${problem}. Check that \`platformUrl\` is the platform's address`, { retryable: true })
}

/** Explains a redirect. The agent does not follow it, since the token is for the configured address alone. */
function redirection(location: string, base: string): string {
  const target = URL.canParse(location, base) ? new URL(location, base) : undefined
  const where = target === undefined ? '' : ` to ${target.origin}${target.pathname}`
  return `, a redirect${where}, which the agent does not follow. Check that \`platformUrl\` is the platform's address`
}

/** Parses `Retry-After`, seconds or an HTTP date, into milliseconds from now. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '') return undefined
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

function explanation(body: unknown): string {
  const problem = problemSchema.safeParse(body)
  if (!problem.success) return ''
  const fields = (problem.data.errors ?? []).slice(0, 3).map((field) => `${field.pointer} ${field.detail}`)
  return `: ${[problem.data.detail ?? problem.data.title, ...fields].join('; ')}`
}
