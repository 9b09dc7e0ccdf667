import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createSendRequest } from './http.ts'

const post = (url: string) => ({ method: 'POST', url, headers: {}, body: '{}' }) as const

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('keeps a connection open for the next request', async () => {
  const sockets = new Set<Socket>()
  const url = await listen(
    createServer((request, response) => {
      sockets.add(request.socket)
      response.end('done')
    }),
  )
  const send = createSendRequest()
  expect(await send(post(url))).toMatchObject({ status: 200, text: 'done' })
  await send(post(url))
  expect(sockets.size).toBe(1)
})

test('sends a request again if the server has closed the connection that was kept', async () => {
  let received = 0
  const url = await listen(
    createServer((request, response) => {
      received += 1
      if (received === 2) request.socket.destroy()
      else response.end('done')
    }),
  )
  const send = createSendRequest()
  await send(post(url))
  expect(await send(post(url))).toMatchObject({ status: 200 })
  expect(received).toBe(3)
})

test('fails if the server closes a new connection', async () => {
  const url = await listen(createServer((request) => request.socket.destroy()))
  await expect(createSendRequest()(post(url))).rejects.toThrow('socket hang up')
})

test('fails if the response is not whole in time', async () => {
  const received = Promise.withResolvers<void>()
  const url = await listen(
    createServer((_request, response) => {
      response.write('{')
      received.resolve()
    }),
  )
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const failing = expect(createSendRequest()(post(url))).rejects.toThrow('no whole response within 15 s')
  await received.promise
  await vi.advanceTimersByTimeAsync(15_000)
  await failing
})

test('uses the proxy that the process has set for all requests', async () => {
  const { setGlobalProxyFromEnv } = await import('node:http')
  if (typeof setGlobalProxyFromEnv !== 'function') return
  let path: string | undefined
  const proxy = await listen(
    createServer((request, response) => {
      path = request.url
      response.end('from the proxy')
    }),
  )
  onTestFinished(setGlobalProxyFromEnv({ http_proxy: proxy }))
  expect(await createSendRequest()(post('http://platform.invalid/data'))).toMatchObject({ text: 'from the proxy' })
  expect(path).toBe('http://platform.invalid/data')
})
