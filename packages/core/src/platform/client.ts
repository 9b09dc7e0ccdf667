import type { z } from 'zod'
import { type Backoff, fullJitter, spread } from '../backoff.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import { createSecretReplacer } from '../redaction/secret-replacer.ts'
import { sleep } from '../timers.ts'
import { type Credential, createCredentials } from './credentials.ts'
import { createSendRequest, type HttpResponse } from './http.ts'
import { networkReason } from './network-reason.ts'
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

/** Responses after which a request is sent again, like after an error of the connection. */
const RETRIED_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504])

const RETRY_BACKOFF: Backoff = { baseMs: 300, maxMs: 60_000 }

/** Longest wait between two attempts of one call. A call that is asked to wait longer fails: its caller waits. */
const MAX_RETRY_DELAY_MS = 60_000

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
  /** Pieces of the body. Without it, the method is GET. */
  readonly json?: readonly ReportBody[] | undefined
  readonly signal?: AbortSignal | undefined
  /** @default 0 */
  readonly retries?: number
  /** @default the key, or else the token */
  readonly only?: Credential | undefined
}

/** Creates a client. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { platformUrl, agentToken, userAgent, retryCount, log } = options
  const base = platformUrlText(platformUrl)
  const credentials = createCredentials(agentToken, base, log)
  const send = createSendRequest()
  let reloadKey = async (): Promise<void> => undefined

  const call = async <Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    { json, signal, retries = 0, only }: CallOptions,
  ): Promise<z.output<Schema>> => {
    const credential = only ?? credentials.current()
    try {
      const { body, encoded } = json === undefined ? {} : await bodyOf(json)
      const headers = {
        'user-agent': userAgent,
        authorization: `Bearer ${credential.text}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(encoded === true && { 'content-encoding': 'gzip' }),
      }
      const request = { method: body === undefined ? 'GET' : 'POST', url: base + path, headers, body, signal } as const
      const answer = await withRetries(retries, signal, () => send(request))
      if (!isSuccess(answer)) throw refusal(answer, base, path)
      const response = schema.safeParse(parseJson(answer.text))
      if (!response.success) throw new PlatformError(notThePlatform(base, path), { retryable: true })
      credentials.accept(credential)
      return response.data
    } catch (error) {
      const secrets = [agentToken, credential.text, credentials.key()?.text ?? '']
      const failure = toPlatformError(error, base, path, createSecretReplacer(secrets))
      if (!failure.refusedToken) throw failure
      if (credential.kind === 'key' && only === undefined) await reloadKey()
      credentials.refuse(credential, failure)
      if (credential.kind === 'token' || only !== undefined) throw failure
      // Again with a key that has replaced this one in the meantime, or with the token.
      return call(path, schema, { json, signal, retries })
    }
  }

  return {
    sendReports: (reports, signal) =>
      call(AGENT_PATHS.data, dataResponseSchema, { json: requestOf(reports), signal, retries: retryCount }),
    sendHeartbeat: (heartbeat, signal) =>
      call(AGENT_PATHS.heartbeat, heartbeatResponseSchema, { json: [JSON.stringify(heartbeat)], signal }),
    enroll: (request, signal) =>
      call(AGENT_PATHS.enroll, agentKeySchema, { json: [JSON.stringify(request)], signal, only: credentials.token }),
    rotateKey: (request, signal) =>
      call(AGENT_PATHS.rotateKey, agentKeySchema, {
        json: [JSON.stringify(request)],
        signal,
        only: credentials.key(),
      }),
    checkAccess: (query, signal) =>
      call(`${AGENT_PATHS.access}?${new URLSearchParams(query)}`, accessResponseSchema, { signal }),
    useKey: credentials.useKey,
    isKeyRefused: credentials.isKeyRefused,
    onKeyRefused: (reload) => {
      reloadKey = reload
    },
    usesKey: () => credentials.current().kind === 'key',
  }
}

/**
 * Sends a request again after an error of the connection and some statuses, with full jitter or after `Retry-After`
 * with a random part of it. Returns the last response, and throws the last error.
 */
async function withRetries(
  retries: number,
  signal: AbortSignal | undefined,
  send: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  for (let failures = 1; ; failures += 1) {
    const response = await send().catch((error: unknown) => {
      if (failures > retries || signal?.aborted === true) throw error
      return undefined
    })
    if (response !== undefined && (failures > retries || !RETRIED_STATUSES.has(response.status))) return response
    const asked = response === undefined ? undefined : retryAfterOf(response.headers['retry-after'])
    if (response !== undefined && asked !== undefined && asked > MAX_RETRY_DELAY_MS) return response
    const delay = asked === undefined ? fullJitter(failures, RETRY_BACKOFF) : asked + spread(asked)
    await sleep(delay, signal ?? new AbortController().signal)
  }
}

/** Joins reports into a request, which asks for the sets of their series: see `SeriesValues`. */
function requestOf(reports: readonly ReportBody[]): ReportBody[] {
  const joined = reports.flatMap((report, index) => (index === 0 ? [report] : [',', report]))
  return ['{"reports":[', ...joined, '],"series_sets":true}']
}

/** Joins pieces into one body. Gzipped data may be concatenated: compressed pieces are kept as they are. */
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
  if (texts.length === 1 && typeof text === 'string' && Buffer.byteLength(text) < MIN_COMPRESSED_BYTES)
    return { body: text, encoded: false }
  const members = await Promise.all(texts.map((each) => (typeof each === 'string' ? compress(each) : each)))
  return { body: Buffer.concat(members), encoded: true }
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300
}

function refusal({ status, headers, text }: HttpResponse, base: string, path: string): PlatformError {
  const retryAfter = retryAfterOf(headers['retry-after'])
  return new PlatformError(`The platform at ${base} answered ${status} to ${path}${explanation(status, text)}`, {
    status,
    retryable: !FINAL_STATUSES.has(status),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

/** Converts an error of a call. Its text has no secrets, wherever it comes from. */
function toPlatformError(error: unknown, base: string, path: string, redact: (text: string) => string): PlatformError {
  if (error instanceof PlatformError) {
    const { status, retryable, retryAfter } = error
    return new PlatformError(redact(error.message), {
      retryable,
      ...(status === undefined ? {} : { status }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    })
  }
  const reason = redact(networkReason(error))
  return new PlatformError(`The platform at ${base} could not be reached for ${path}: ${reason}`, { retryable: true })
}

function notThePlatform(base: string, path: string): string {
  return `The platform at ${base} answered ${path} with a response that is not part of its protocol. Check that \`platformUrl\` is the platform's address`
}

/** Parses `Retry-After`, seconds or an HTTP date, into milliseconds from now. */
function retryAfterOf(header: string | undefined): number | undefined {
  const text = header?.trim() ?? ''
  if (text === '') return undefined
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

function explanation(status: number, body: string): string {
  if (status >= 300 && status < 400)
    return ': a redirect, which the agent does not follow with its token. Correct `platformUrl`'
  const problem = problemSchema.safeParse(parseJson(body))
  if (!problem.success) return ''
  const fields = (problem.data.errors ?? []).slice(0, 3).map((field) => `${field.pointer} ${field.detail}`)
  return `: ${[problem.data.detail ?? problem.data.title, ...fields].join('; ')}`
}

/** Returns `undefined` for a text that is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
