import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHttpClient, type HttpRequest, type HttpResponse } from './http.ts'

interface Served {
  readonly url: string
  /** Every connection so far. */
  readonly connections: readonly Socket[]
  readonly server: Server
}

/** Listens on 127.0.0.1 until the test has finished. */
async function serve(listener: RequestListener): Promise<Served> {
  const connections: Socket[] = []
  const server = createServer(listener)
  server.on('connection', (socket) => connections.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, connections, server }
}

function post(more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'POST', headers: {}, body: 'text', timeoutMs: 60_000, signal: undefined, ...more }
}

const failureOf = (sending: Promise<HttpResponse>): Promise<unknown> =>
  sending.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('HttpClient', () => {
  test('keeps a connection open between requests', async () => {
    const { url, connections } = await serve((request, response) => {
      request.resume().on('end', () => response.end(request.headers['content-length']))
    })
    const send = createHttpClient()
    for (let requests = 0; requests < 3; requests += 1)
      expect(await send(url, post())).toMatchObject({ status: 200, body: '4' })
    expect(connections).toHaveLength(1)
  })

  test('sends a request again when the idle connection turns out to be closed', async () => {
    let requests = 0
    const { url, connections } = await serve((request, response) => {
      requests += 1
      if (requests === 2) request.socket.destroy()
      else response.end(String(requests))
    })
    const send = createHttpClient()
    const answers = [await send(url, post()), await send(url, post())]
    expect(answers.map(({ body }) => body)).toEqual(['1', '3'])
    expect(connections).toHaveLength(2)
  })

  test('does not send a request again when a new connection breaks', async () => {
    let requests = 0
    const { url } = await serve(({ socket }) => {
      requests += 1
      socket.destroy()
    })
    expect(await failureOf(createHttpClient()(url, post()))).toMatchObject({ code: 'ECONNRESET' })
    expect(requests).toBe(1)
  })

  test('rejects an incomplete response', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('12345', () => response.socket?.destroy())
    })
    expect(await failureOf(createHttpClient()(url, post()))).toBeInstanceOf(Error)
  })

  test('rejects when no response arrives in time, also when its body does not end', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/body') response.writeHead(200).write('{')
    })
    for (const path of ['', 'body'])
      expect(await failureOf(createHttpClient()(`${url}${path}`, post({ timeoutMs: 50 })))).toMatchObject({
        message: `POST ${url}${path} did not finish within 0.05 s`,
      })
  })

  test('rejects with the reason of the signal', async () => {
    const stop = new AbortController()
    const { url } = await serve(() => stop.abort(new Error('stopped')))
    expect(await failureOf(createHttpClient()(url, post({ signal: stop.signal })))).toBe(stop.signal.reason)
  })
})
