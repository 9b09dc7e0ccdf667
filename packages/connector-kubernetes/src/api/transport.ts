import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Access, Credentials } from './access.ts'
import { KubernetesError, type RequestInfo, responseError } from './errors.ts'

/** Maximum number of connections for requests. Each watch has a connection of its own. */
const MAX_CONNECTIONS = 8

/** How long credentials are used before they are read again. */
const CREDENTIALS_MAX_AGE_MS = 10_000

/** How long the server may be silent before and within an answer. */
const DEFAULT_SILENCE_MS = 30_000

/** Maximum size of a refusal's text. */
const MAX_REFUSAL_BYTES = 65_536

export interface HttpRequest {
  readonly request: RequestInfo
  /** With its query: `/api/v1/pods?limit=500`. */
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly accept?: string | undefined
  readonly body?: object | undefined
  /** Uses a connection of its own, since it stays open. */
  readonly isWatch?: boolean
  readonly signal: AbortSignal
}

export interface Transport {
  readonly address: string
  /** Resolves when a successful answer begins. @throws KubernetesError for an answer with another status */
  send(request: HttpRequest): Promise<IncomingMessage>
  close(): void
}

interface Connections {
  /** Identifies the certificates, as in `Credentials`. */
  readonly credentials: string
  readonly requests: Agent
  readonly watches: Agent
}

/** Opens no connection before the first request. */
export function createTransport(access: Access, silenceMs: number = DEFAULT_SILENCE_MS): Transport {
  const { current, forget, close } = createConnections(access)
  return {
    address: access.server.origin,
    send: async (httpRequest) => {
      httpRequest.signal.throwIfAborted()
      const answer = await sendRequest(access.server, await current(), httpRequest, silenceMs)
      const status = answer.statusCode ?? 0
      if (status >= 200 && status < 300) return answer
      // The token has expired or was replaced: the next request reads it again.
      if (status === 401) forget()
      const refusal = await readStart(answer, MAX_REFUSAL_BYTES)
      throw responseError(httpRequest.request, status, refusal, answer.headers['retry-after'])
    },
    close,
  }
}

/** Keeps the current credentials, and connections with their certificates. */
function createConnections(access: Access) {
  let connections: Connections | undefined
  let read: { readonly at: number; readonly credentials: Promise<Credentials> } | undefined
  const credentials = (): Promise<Credentials> => {
    if (read === undefined || performance.now() - read.at > CREDENTIALS_MAX_AGE_MS) {
      const reading = { at: performance.now(), credentials: access.credentials() }
      read = reading
      reading.credentials.catch(() => {
        if (read === reading) read = undefined
      })
    }
    return read.credentials
  }
  const close = (): void => {
    connections?.requests.destroy()
    connections?.watches.destroy()
    connections = undefined
  }
  return {
    close,
    forget: () => {
      read = undefined
    },
    current: async () => {
      const valid = await credentials()
      if (connections?.credentials !== valid.connection) {
        const [requests, watches] = await Promise.all([
          // Connections are kept between collection cycles: opening them costs more than the requests do.
          valid.createAgent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_CONNECTIONS }),
          // Without read-ahead, data does not wake the process while a batch of events is collected.
          valid.createAgent({ keepAlive: true, maxFreeSockets: 2, highWaterMark: 1 }),
        ])
        // Requests on connections with the previous certificates finish undisturbed.
        connections = { credentials: valid.connection, requests, watches }
      }
      return { headers: valid.headers, ...connections }
    },
  }
}

type CurrentConnections = Awaited<ReturnType<ReturnType<typeof createConnections>['current']>>

function sendRequest(
  server: URL,
  current: CurrentConnections,
  { request, path, method = 'GET', accept = 'application/json', body, isWatch = false, signal }: HttpRequest,
  silenceMs: number,
): Promise<IncomingMessage> {
  const content = body === undefined ? undefined : JSON.stringify(body)
  const open = server.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = open(new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server), {
      method,
      agent: isWatch ? current.watches : current.requests,
      signal,
      headers: {
        ...current.headers,
        accept,
        'user-agent': 'incident-rca-agent',
        ...(content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
      },
    })
    const timer = setTimeout(() => sent.destroy(silenceError(request, silenceMs)), silenceMs)
    sent.on('response', (answer) => {
      clearTimeout(timer)
      if (!isWatch) limitSilence(answer, request, silenceMs)
      resolve(answer)
    })
    sent.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    sent.end(content)
  })
}

/** A connection that is cut does not end its answer. Watches may be silent for longer and have a limit of their own. */
function limitSilence(answer: IncomingMessage, request: RequestInfo, silenceMs: number): void {
  const { socket } = answer
  const abort = (): void => void answer.destroy(silenceError(request, silenceMs))
  socket.setTimeout(silenceMs, abort)
  answer.once('close', () => socket.setTimeout(0, abort))
}

function silenceError({ address, resource }: RequestInfo, silenceMs: number): KubernetesError {
  return new KubernetesError(
    `The API server at ${address} was silent for ${silenceMs / 1000} s during the request for ${resource}: it hangs, or a firewall drops packets`,
    { reason: 'Timeout' },
  )
}

/** Reads at most `limit` bytes of an answer. Leaves out a character that is cut at the end. */
export async function readStart(answer: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= limit) break
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, limit), { stream: true })
}
