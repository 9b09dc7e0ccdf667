import { redactSecrets } from '@rca/core/connector'
import { faultyAnswer, parseFault, type RequestFault, strikes } from './faults.ts'
import { createInterceptor, isOf } from './intercept.ts'
import type { Exchange, Recording } from './recording.ts'
import { redactUrl } from './redact-recording.ts'

/** Options of `startReplay`. */
export interface ReplayOptions {
  /** Faults such as `403@3`. The first that strikes a request is used. @default none */
  readonly faults?: readonly string[]
  /** Address of a server that is reached through the network, such as that of a platform. @default none */
  readonly except?: string
}

/** A replay that runs. */
export interface Replay {
  /** Requests so far, as `GET https://…`. */
  readonly requests: readonly string[]
  stop(): void
}

/**
 * Answers every HTTP request of this process from a recording, without a network. Requests of the same address get the
 * recorded answers in order, and the last one from then on; a stream that was recorded stays open. A request that was
 * not recorded fails.
 */
export async function startReplay(recording: Recording, { faults = [], except }: ReplayOptions = {}): Promise<Replay> {
  const injected = faults.map(parseFault)
  const answers = queuesOf(recording)
  const requests: string[] = []
  const interceptor = await createInterceptor()
  interceptor.on('request', ({ request, controller }) => {
    if (except !== undefined && isOf(except, request.url)) return undefined
    const key = keyOf(request.method, request.url)
    requests.push(key)
    const fault = injected.find((each) => strikes(each, requests.length, request.url))
    // The client has to end a request that is never answered.
    if (fault?.kind === 'slow')
      return new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
    const queue = answers.get(key)
    const exchange = queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0]
    if (exchange === undefined) {
      controller.errorWith(new Error(`The recording holds no answer to ${key}`))
      return undefined
    }
    controller.respondWith(answerOf(exchange, fault))
    return undefined
  })
  interceptor.apply()
  return { requests, stop: () => interceptor.dispose() }
}

function queuesOf({ exchanges }: Recording): Map<string, Exchange[]> {
  const queues = new Map<string, Exchange[]>()
  for (const exchange of exchanges) {
    const key = keyOf(exchange.method, exchange.url)
    queues.set(key, [...(queues.get(key) ?? []), exchange])
  }
  return queues
}

/** Identifies requests as recordings do, without secrets. */
function keyOf(method: string, url: string): string {
  return `${method} ${redactUrl(url, redactSecrets)}`
}

function answerOf({ status, headers, body, isBinary, isOpen }: Exchange, fault: RequestFault | undefined): Response {
  const bytes = Buffer.from(body, isBinary === true ? 'base64' : 'utf8')
  if (fault !== undefined) return faultyAnswer(fault.kind, { body: bytes, headers: new Headers(headers) })
  if (isOpen === true) return new Response(openStream(bytes), { status, headers })
  const hasBody = status !== 204 && status !== 205 && status !== 304
  return new Response(hasBody ? new Uint8Array(bytes) : null, { status, headers })
}

/** Sends the recorded beginning of a stream, which stays open until the client ends the request. */
function openStream(bytes: Buffer): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(bytes)) })
}
