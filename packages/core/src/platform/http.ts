import http, { type AgentOptions, type ClientRequest, type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'

/** Length of a response that is read, in UTF-16 code units: responses of the protocol are short. */
const MAX_RESPONSE_LENGTH = 65_536

/** Codes of errors of a connection that the server has closed. */
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE'])

/** Time for a whole response, in milliseconds. */
const REQUEST_TIMEOUT_MS = 15_000

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

/** A whole response. */
export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body. Cut if it is longer than responses of the protocol are. */
  readonly text: string
}

/** Sends a request, and follows no redirect. @throws the error of the connection, its timeout, or `signal`'s reason */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>

/**
 * Creates a sender of requests, which keeps connections open between them. It uses `node:http`, since a request by
 * `fetch` takes four times the CPU time.
 */
export function createSendRequest(): SendRequest {
  let agent: http.Agent | undefined
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    const isSecure = request.url.startsWith('https:')
    // Not before the first request: the process may set a proxy for all requests when it starts.
    agent ??= isSecure ? new https.Agent(agentOptions(https)) : new http.Agent(agentOptions(http))
    const outgoing = (isSecure ? https : http).request(request.url, {
      method: request.method,
      headers: request.headers,
      agent,
    })
    try {
      return await exchange(outgoing, request)
    } catch (error) {
      // The server closed the connection while the request was on its way.
      if (outgoing.reusedSocket && CLOSED_CODES.has(String((error as NodeJS.ErrnoException).code))) return send(request)
      throw error
    }
  }
  return send
}

/**
 * Returns the options of Node's own agent, among them the proxy, without its timeout: it would close connections after
 * 5 s, and the next request would need another handshake. Servers say how long they keep a connection.
 */
function agentOptions({ globalAgent }: typeof http | typeof https): AgentOptions {
  const { timeout: _timeout, ...options } = (globalAgent as http.Agent & { readonly options: AgentOptions }).options
  return { ...options, keepAlive: true }
}

function exchange(outgoing: ClientRequest, { body, signal }: HttpRequest): Promise<HttpResponse> {
  let end = (): void => undefined
  const response = new Promise<HttpResponse>((resolve, reject) => {
    const fail = (error: unknown): void => {
      reject(error)
      outgoing.destroy()
    }
    const abort = (): void => fail(signal?.reason)
    const onTimeout = (): void => fail(new Error(`no whole response within ${REQUEST_TIMEOUT_MS / 1000} s`))
    const timer = setTimeout(onTimeout, REQUEST_TIMEOUT_MS)
    end = () => {
      clearTimeout(timer)
      // The agent's signal exists for months.
      signal?.removeEventListener('abort', abort)
    }
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const { statusCode: status = 0, headers } = incoming
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
        if (text.length <= MAX_RESPONSE_LENGTH) return
        resolve({ status, headers, text })
        outgoing.destroy()
      })
      incoming.on('end', () => resolve({ status, headers, text }))
      incoming.on('error', reject)
    })
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    else outgoing.end(body)
  })
  return response.finally(end)
}
