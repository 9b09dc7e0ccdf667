import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Access } from '../src/api/access.ts'
import { createApiClient } from '../src/api/api-client.ts'
import type { ApiResource, KubernetesApi } from '../src/api/kubernetes-api.ts'

export const pods: ApiResource = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  isNamespaced: true,
  verbs: ['get', 'list', 'watch'],
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server on loopback with scripted answers, and a client for it. */
export interface Speaking {
  readonly api: KubernetesApi
  readonly access: Access
  /** `GET /api/v1/pods?limit=500`, in order. */
  readonly requests: readonly string[]
  readonly headers: readonly IncomingMessage['headers'][]
  readonly bodies: readonly string[]
  readonly connections: () => number
  close(): Promise<void>
}

/** Each request is answered by the next answer; the last one answers all that follow. */
export async function speaking(answers: readonly Answer[], silenceMs?: number): Promise<Speaking> {
  const requests: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const bodies: string[] = []
  const left = [...answers]
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    headers.push(request.headers)
    const answer = left.length > 1 ? left.shift() : left[0]
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      bodies.push(body)
      answer?.(request, response)
    })
  }
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  onTestFinished(close)
  const access = plainAccess((server.address() as AddressInfo).port)
  const api = createApiClient(access, silenceMs)
  onTestFinished(() => api.close())
  return { api, access, requests, headers, bodies, connections: () => sockets.size, close }
}

/** Access to a server on loopback, without TLS. */
export function plainAccess(port: number): Access {
  return {
    server: new URL(`http://127.0.0.1:${port}`),
    namespace: undefined,
    credentials: async () => ({
      headers: { authorization: 'Bearer canary-token' },
      connection: '',
      createAgent: (options) => new Agent(options),
    }),
  }
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A refusal as the server writes it. */
export function refusing(code: number, reason: string, message = 'no'): Answer {
  return json({ kind: 'Status', status: 'Failure', code, reason, message }, code)
}

/** An object with a name, and a uid that follows from it. */
export function object(name: string, resourceVersion: string, more: object = {}) {
  return { metadata: { name, uid: `uid-${name}`, namespace: 'shop', resourceVersion, ...more } }
}

export function page(items: readonly object[], resourceVersion: string, next?: string) {
  return { kind: 'PodList', metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) }, items }
}

/** Writes events and then does what `end` says. */
export function watching(events: readonly object[], end: 'close' | 'stay' | 'break' = 'close'): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const event of events) response.write(`${JSON.stringify(event)}\n`)
    if (end === 'close') response.end()
    if (end === 'break') setTimeout(() => response.destroy(), 20)
  }
}
