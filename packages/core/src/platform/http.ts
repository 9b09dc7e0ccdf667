import {
  Agent,
  type AgentOptions,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  globalAgent as plain,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, globalAgent as secure } from 'node:https'
import { TimeoutError } from '../errors/timeout-error.ts'

/** Length at which a response is cut, in UTF-16 code units: responses of the platform are short. */
const MAX_RESPONSE_LENGTH = 65_536

/** Time without requests after which TCP probes a connection. */
const PROBE_INTERVAL_MS = 60_000

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** Milliseconds until the whole response must have arrived. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Sends a request. Follows no redirects. Rejects if no complete response arrives. */
export type HttpClient = (url: string, request: HttpRequest) => Promise<HttpResponse>

/**
 * Creates a client whose connections stay open between two collections. It uses `node:http`: an agent that uses `fetch`
 * needs 3 MB more memory and twice as much CPU for each request.
 */
export function createHttpClient(): HttpClient {
  // Node's own agents know the proxies of the environment, but close a connection after 5 s without requests, and probe
  // it every second until then.
  const options = { timeout: 0, keepAliveMsecs: PROBE_INTERVAL_MS }
  const agents = {
    plain: new Agent({ ...(plain as Agent & { readonly options: AgentOptions }).options, ...options }),
    secure: new HttpsAgent({ ...secure.options, ...options }),
  }
  const open = (url: string, { method, headers }: HttpRequest): ClientRequest =>
    url.startsWith('https:')
      ? httpsRequest(url, { method, headers, agent: agents.secure })
      : httpRequest(url, { method, headers, agent: agents.plain })

  return async function send(url, wanted) {
    wanted.signal?.throwIfAborted()
    const request = open(url, wanted)
    try {
      return await exchange(url, request, wanted)
    } catch (error) {
      // The server closed the connection while it was idle. Requests of the protocol may arrive twice.
      if (request.reusedSocket && isReset(error)) return send(url, wanted)
      throw error
    }
  }
}

function exchange(
  url: string,
  request: ClientRequest,
  { method, body, timeoutMs, signal }: HttpRequest,
): Promise<HttpResponse> {
  return new Promise<HttpResponse>((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const fail = (error: Error): void => {
      end()
      reject(error)
      request.destroy()
    }
    const abort = (): void => fail(signal?.reason as Error)
    const timer = setTimeout(() => fail(new TimeoutError(`${method} ${url}`, timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    request.on('error', fail)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('error', fail)
      const finish = (): void => {
        if (isOfProxy(request, response)) {
          fail(new Error(`the proxy refused the request: ${response.statusCode} ${response.statusMessage}`))
          return
        }
        end()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
      }
      response.on('end', finish)
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length <= MAX_RESPONSE_LENGTH) return
        finish()
        request.destroy()
      })
    })
    // With the whole body, Node sends its length, and both headers and body at once.
    request.end(body)
  })
}

/** Returns true for a refusal of the proxy, which answers requests without TLS in the platform's place. */
function isOfProxy({ path }: ClientRequest, { statusCode, headers }: IncomingMessage): boolean {
  const isProxied = path.startsWith('http:')
  const isJson = headers['content-type']?.includes('json') === true
  return isProxied && (statusCode === 407 || (statusCode === 403 && !isJson))
}

function isReset(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'ECONNRESET' || code === 'EPIPE'
}
