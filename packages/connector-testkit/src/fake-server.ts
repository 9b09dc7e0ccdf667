import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Fault, ScenarioSystem } from './scenario.ts'

/** Answers a request. */
export type FakeAnswer = (request: IncomingMessage, response: ServerResponse) => void

/** Answers by method and path: `GET /queues`, or `GET /queues?region=eu` for one query. A value is sent as JSON. */
export type FakeRoutes = Readonly<Record<string, unknown>>

/** An HTTP server on loopback with faults for each of its routes: most of the system of a scenario. */
export interface FakeServer
  extends Required<Pick<ScenarioSystem, 'faults' | 'deny' | 'silence' | 'breakStreams' | 'requests'>> {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  /** Returns the routes that were requested so far, each once. */
  readonly requestedRoutes: () => readonly string[]
  /** Answers a route in another way. */
  readonly answer: (route: string, answer: unknown) => Fault
  close(): Promise<void>
}

/** Faults of a route, by name. */
const FAULTS: Readonly<Record<string, FakeAnswer>> = {
  'answers 401': status(401),
  'answers 403': status(403),
  'answers 429': status(429),
  'answers 500': status(500),
  'cuts the connection': (_request, response) => response.destroy(),
  'cuts its answer': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
    response.write('[{"', () => response.destroy())
  },
  'answers nothing': (_request, response) => response.writeHead(200).end(),
  'answers malformed JSON': (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"items": [}'),
  'answers a page of HTML': (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Sign in</body></html>'),
}

/** Starts a server. A route whose answer is a function may keep its response open, as a stream: it has no faults. */
export async function fakeServer(routes: FakeRoutes): Promise<FakeServer> {
  const overridden = new Map<string, unknown>()
  const streams = new Set<ServerResponse>()
  const requested = new Set<string>()
  let everywhere: FakeAnswer | undefined
  let count = 0
  const server = createServer((request, response) => {
    count += 1
    const route = routeOf(request, routes)
    requested.add(route)
    const answer = everywhere ?? overridden.get(route) ?? routes[route] ?? status(404)
    if (typeof answer !== 'function') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      return
    }
    streams.add(response)
    response.on('close', () => streams.delete(response))
    const reply = answer as FakeAnswer
    reply(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const answer =
    (route: string, other: unknown): Fault =>
    () => {
      overridden.set(route, other)
      return () => void overridden.delete(route)
    }
  const all =
    (other: FakeAnswer): Fault =>
    () => {
      everywhere = other
      return () => {
        everywhere = undefined
        server.closeAllConnections()
      }
    }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: Object.fromEntries(
      Object.keys(routes)
        .filter((route) => typeof routes[route] !== 'function')
        .flatMap((route) => Object.entries(FAULTS).map(([name, fault]) => [`${route} ${name}`, answer(route, fault)])),
    ),
    deny: all(status(403)),
    silence: all(() => undefined),
    breakStreams: () => {
      for (const stream of streams) stream.destroy()
    },
    requests: () => count,
    requestedRoutes: () => [...requested],
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function status(code: number): FakeAnswer {
  return (_request, response) =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `status ${code}` }))
}

function routeOf({ method, url = '' }: IncomingMessage, routes: FakeRoutes): string {
  const full = `${method} ${url}`
  return full in routes ? full : (full.split('?')[0] ?? full)
}
