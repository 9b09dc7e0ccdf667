import ky, { type BeforeRetryState, isHTTPError, type KyInstance, type ShouldRetryState } from 'ky'
import type { z } from 'zod'
import { spread } from '../backoff.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import { createSecretReplacer } from '../redaction/secret-replacer.ts'
import { sleep } from '../timers.ts'
import { type Credential, createCredentials } from './credentials.ts'
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

/** Length of a response that is read, in UTF-16 code units: responses of the protocol are short. */
const MAX_RESPONSE_LENGTH = 65_536

/** Timeout of one attempt. */
const REQUEST_TIMEOUT_MS = 15_000

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

/** Creates a client. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { platformUrl, agentToken, log } = options
  const base = platformUrlText(platformUrl)
  const credentials = createCredentials(agentToken, base, log)
  const http = createHttp(options)
  const once = http.extend({ retry: { limit: 0 } })
  let reloadKey = async (): Promise<void> => undefined

  const call = async <Schema extends z.ZodType>(
    client: KyInstance,
    path: string,
    json: readonly ReportBody[] | undefined,
    schema: Schema,
    signal: AbortSignal | undefined,
    only?: Credential,
  ): Promise<z.output<Schema>> => {
    const credential = only ?? credentials.current()
    try {
      const answer = await withOwnSignal(signal, (own) => exchange(client, base + path, json, credential, own))
      const response = schema.safeParse(answer)
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
      return call(client, path, json, schema, signal)
    }
  }

  return {
    sendReports: (reports, signal) => call(http, AGENT_PATHS.data, requestOf(reports), dataResponseSchema, signal),
    sendHeartbeat: (heartbeat, signal) =>
      call(once, AGENT_PATHS.heartbeat, [JSON.stringify(heartbeat)], heartbeatResponseSchema, signal),
    enroll: (request, signal) =>
      call(once, AGENT_PATHS.enroll, [JSON.stringify(request)], agentKeySchema, signal, credentials.token),
    rotateKey: (request, signal) =>
      call(once, AGENT_PATHS.rotateKey, [JSON.stringify(request)], agentKeySchema, signal, credentials.key()),
    checkAccess: (query, signal) =>
      call(once, `${AGENT_PATHS.access}?${new URLSearchParams(query)}`, undefined, accessResponseSchema, signal),
    useKey: credentials.useKey,
    isKeyRefused: credentials.isKeyRefused,
    onKeyRefused: (reload) => {
      reloadKey = reload
    },
    usesKey: () => credentials.current().kind === 'key',
  }
}

function createHttp({ userAgent, retryCount }: PlatformClientOptions): KyInstance {
  return ky.create({
    headers: { 'user-agent': userAgent, 'content-type': 'application/json' },
    timeout: REQUEST_TIMEOUT_MS,
    redirect: 'error',
    retry: {
      limit: retryCount,
      methods: ['post'],
      statusCodes: [408, 425, 429, 500, 502, 503, 504],
      afterStatusCodes: [429, 503],
      maxRetryAfter: MAX_RETRY_DELAY_MS,
      backoffLimit: MAX_RETRY_DELAY_MS,
      jitter: true,
      retryOnTimeout: true,
      shouldRetry: mayRetrySoon,
    },
    hooks: { beforeRetry: [waitLonger] },
  })
}

/** Returns false if the platform asked for a longer wait than that of one call, and leaves other errors to ky. */
function mayRetrySoon({ error }: ShouldRetryState): false | undefined {
  return (askedWaitOf(error) ?? 0) > MAX_RETRY_DELAY_MS ? false : undefined
}

/** Waits after `Retry-After`, to which ky adds no jitter. */
async function waitLonger({ error, request }: BeforeRetryState): Promise<void> {
  const retryAfter = askedWaitOf(error)
  if (retryAfter !== undefined) await sleep(spread(retryAfter), request.signal)
}

function askedWaitOf(error: unknown): number | undefined {
  return isHTTPError(error) ? retryAfterOf(error.response.headers.get('retry-after')) : undefined
}

/** Joins reports into a request, which asks for the sets of their series: see `SeriesValues`. */
function requestOf(reports: readonly ReportBody[]): ReportBody[] {
  const joined = reports.flatMap((report, index) => (index === 0 ? [report] : [',', report]))
  return ['{"reports":[', ...joined, '],"series_sets":true}']
}

/** Sends a body with POST, or without one GET. */
async function exchange(
  client: KyInstance,
  url: string,
  json: readonly ReportBody[] | undefined,
  { text }: Credential,
  signal: AbortSignal,
): Promise<unknown> {
  const authorization = `Bearer ${text}`
  if (json === undefined) return readJson(await client.get(url, { headers: { authorization }, signal }))
  const { body, encoded } = await bodyOf(json)
  const headers = { authorization, ...(encoded ? { 'content-encoding': 'gzip' } : {}) }
  // ky copies a body of its own request for retries, and `fetch` copies it through a stream: half of the CPU time.
  const send = (request: Request | URL | string, init?: RequestInit): Promise<Response> =>
    fetch(request, { ...init, body })
  return readJson(await client.post(url, { headers, signal, fetch: send }))
}

async function readJson(response: Response): Promise<unknown> {
  return JSON.parse(await readBounded(response)) as unknown
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

/** Reads a response of bounded length, so that it cannot fill the agent's memory. */
async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_RESPONSE_LENGTH) throw new SyntaxError('the response is too long')
  }
  return text + decoder.decode()
}

/** Gives a call its own signal: ky and fetch leave listeners on theirs, and the agent's signal exists for months. */
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

/** Converts an error of ky or fetch, without the request that it holds: its headers contain the token. */
function toPlatformError(error: unknown, base: string, path: string, redact: (text: string) => string): PlatformError {
  if (error instanceof PlatformError) return error
  if (isHTTPError(error)) {
    const { status, headers } = error.response
    const retryAfter = retryAfterOf(headers.get('retry-after'))
    return new PlatformError(
      redact(`The platform at ${base} answered ${status} to ${path}${explanation(error.data)}`),
      { status, retryable: !FINAL_STATUSES.has(status), ...(retryAfter === undefined ? {} : { retryAfter }) },
    )
  }
  if (error instanceof SyntaxError) return new PlatformError(notThePlatform(base, path), { retryable: true })
  const cause = rootCause(error)
  const reason = redact(networkReason(error))
  return new PlatformError(`The platform at ${base} could not be reached for ${path}: ${reason}`, {
    retryable: true,
    ...(cause === error ? {} : { cause }),
  })
}

function notThePlatform(base: string, path: string): string {
  return `The platform at ${base} answered ${path} with a response that is not part of its protocol. Check that \`platformUrl\` is the platform's address`
}

/** Parses `Retry-After`, seconds or an HTTP date, into milliseconds from now. */
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
