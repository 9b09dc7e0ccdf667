import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Endpoint } from '../src/engine/endpoint.ts'
import type { Captured } from './fixtures.ts'

/** Answers a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An engine API on a socket that serves captured answers. Closed after the test. */
export interface EngineServer {
  readonly path: string
  readonly endpoint: Endpoint
  /** Requested paths, such as `/containers/json?all=true`, in order. */
  readonly requests: string[]
  /** Returns the number of open connections. */
  connections(): number
  /** Returns the number of connections opened so far. */
  opened(): number
  close(): Promise<void>
}

/**
 * Starts the server.
 *
 * @param answers override captured ones, by path without a query
 * @param allow returns the path to answer, as a proxy does; `undefined` to refuse with 403 and a page
 */
export async function engineServer(
  of: Captured,
  answers: Readonly<Record<string, Answer>> = {},
  allow: (path: string) => string | undefined = (path) => path,
): Promise<EngineServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rca-engine-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'docker.sock')
  const captured = capturedAnswers(of)
  const requests: string[] = []
  const listening = await listen((request, response) => {
    requests.push(decodeURIComponent(request.url ?? ''))
    const [asked = ''] = decodeURIComponent(request.url ?? '').split('?')
    const question = allow(asked)
    if (question === undefined) {
      response.writeHead(403, { 'content-type': 'text/html' }).end('<html><body>403 Forbidden</body></html>')
      return
    }
    const answer = answers[question] ?? captured[question] ?? refusing(404, 'No such thing')
    answer(request, response)
  }, path)
  return { path, endpoint: { kind: 'socket', path }, requests, ...listening }
}

/** Starts a server on a free TCP port. */
export async function tcpServer(listener: RequestListener): Promise<{ readonly port: number }> {
  const { address } = await listen(listener, 0)
  return { port: (address as AddressInfo).port }
}

/** Refuses a request in the engine's format. */
export function refusing(status: number, message: string): Answer {
  return (_request, response) => json(response, status, { message })
}

/** Starts an answer and closes the connection. */
export const breakingOff: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
  response.write('[{"Id":', () => response.destroy())
}

/** Never answers. */
export const silent: Answer = () => undefined

export function answering(body: string | Buffer, type = 'application/json'): Answer {
  return (_request, response) => response.writeHead(200, { 'content-type': type }).end(body)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function capturedAnswers(of: Captured): Readonly<Record<string, Answer>> {
  const file = (name: string): Answer => answering(of.bytes(name))
  const containers = of.containerNames.flatMap((name) => {
    const { id } = of.container(name)
    const stats = of.stats(name)
    const log = ['crashed', 'tty'].includes(name)
      ? answering(of.bytes(`log-${name}.bin`), 'application/octet-stream')
      : refusing(500, 'configured logging driver does not support reading')
    return [
      [`/containers/${id}/json`, file(`container-${name}.json`)],
      [`/containers/${id}/stats`, stats === undefined ? refusing(409, 'not running') : file(`stats-${name}.json`)],
      [`/containers/${id}/logs`, log],
    ] as const
  })
  return {
    '/info': file('info.json'),
    '/version': file('version.json'),
    '/containers/json': file('containers.json'),
    '/images/json': file('images.json'),
    [`/images/${of.container('plain').imageId}/json`]: file('image.json'),
    '/networks': file('networks.json'),
    '/volumes': file('volumes.json'),
    '/system/df': file('df.json'),
    // Sends the captured events, then keeps the connection open.
    '/events': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write(of.bytes('events.jsonl'))
    },
    ...Object.fromEntries(containers),
  }
}

async function listen(listener: RequestListener, where: string | number) {
  const server = createServer(listener)
  const open = new Set<Socket>()
  let opened = 0
  server.on('connection', (socket) => {
    opened += 1
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where })
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  onTestFinished(close)
  return { address: server.address(), connections: () => open.size, opened: () => opened, close }
}
