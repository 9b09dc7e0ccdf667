import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { ProblemError } from './problem-error.ts'

type Exchange = readonly [IncomingMessage, ServerResponse]

/** Answers malformed HTTP, which never reaches a route, with problems. */
export function createBrokenHttp() {
  const pending = new WeakMap<Duplex, Set<Exchange>>()

  /** Answers only the request that is being read: a pending response to an earlier one would be mixed up with it. */
  const end = (socket: Duplex, problem: ProblemError): void => {
    const exchanges = [...(pending.get(socket) ?? [])]
    if (exchanges.some(([request, response]) => request.complete || response.headersSent)) {
      socket.destroy()
      return
    }
    if (socket.writable) socket.write(toMessage(problem))
    socket.end(() => socket.destroy())
  }

  return {
    /** Handles Node's `clientError`. */
    answer: (error: NodeJS.ErrnoException, socket: Duplex): void => {
      if (error.code === 'ECONNRESET' || socket.destroyed) return
      const status = STATUSES[error.code ?? ''] ?? 400
      end(socket, new ProblemError(status, 'The request is not valid HTTP.'))
    },
    /** Tracks the requests of an app, and answers requests that Node would refuse without a problem document. */
    watch: (app: FastifyInstance): void => {
      const { server } = app
      const follow = (request: IncomingMessage, response: ServerResponse): void => {
        const exchange: Exchange = [request, response]
        const exchanges = pending.get(request.socket) ?? new Set()
        pending.set(request.socket, exchanges.add(exchange))
        response.once('close', () => exchanges.delete(exchange))
      }
      server.prependListener('request', follow)
      server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
        follow(request, response)
        response.writeHead(417, { 'content-type': 'application/problem+json', connection: 'close' })
        response.end(JSON.stringify(new ProblemError(417, 'Unsupported `Expect`. Only `100-continue` is supported.')))
      })
      server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
        socket.on('error', () => undefined)
        end(socket, new ProblemError(405, 'CONNECT is not supported.'))
      })
      app.addHook('onRequest', async ({ raw }) => {
        if (raw.httpVersion === '1.1' && raw.headers.host === undefined)
          throw new ProblemError(400, 'Send a `Host` header.', { headers: { connection: 'close' } })
      })
    },
  }
}

const STATUSES: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

function toMessage(problem: ProblemError): string {
  const body = JSON.stringify(problem)
  return `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
}
