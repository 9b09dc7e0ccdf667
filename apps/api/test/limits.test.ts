import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { ApiOptions } from '../src/options/api-options.ts'
import { agentIdOf, dataRequestHead, exchange, metricOf, reportOf, startApi } from './kit.ts'

const json = { 'content-type': 'application/json' }
const data = (payload: string | Buffer, headers: Record<string, string> = {}) => ({
  method: 'POST' as const,
  url: '/api/v1/agent/data',
  payload,
  headers: { ...json, ...headers },
})
const body = (metrics: number) =>
  JSON.stringify({
    reports: [
      reportOf({ metrics: Array.from({ length: metrics }, (_, index) => metricOf(index, { name: `m${index}` })) }),
    ],
  })

describe('a body', () => {
  test.each([
    ['larger than the limit as sent', body(200), {}, 413],
    ['larger than the limit after decompression', gzipSync(body(1000)), { 'content-encoding': 'gzip' }, 413],
    // Refused by its `Content-Length`; data that arrives later must not end the process.
    ['larger than both limits', body(1000), {}, 413],
    ['a bomb', gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }, 413],
    ['within the limits', gzipSync(body(200)), { 'content-encoding': 'gzip' }, 202],
    ['of an unknown encoding', body(1), { 'content-encoding': 'br' }, 415],
    ['of two encodings', body(1), { 'content-encoding': 'gzip, gzip' }, 415],
    ['that is not gzip', body(1), { 'content-encoding': 'gzip' }, 400],
    ['that is half of a gzip', gzipSync(body(1)).subarray(0, 40), { 'content-encoding': 'gzip' }, 400],
    ['of another type', body(1), { 'content-type': 'text/plain' }, 415],
    ['of a form', 'reports=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['that is empty', '', {}, 422],
    ['that is not JSON', '{"reports": [}', {}, 400],
    ['that ends too early', '{"reports": [', {}, 400],
  ])('%s is answered with its status', async (_name, payload, headers, status) => {
    const api = await startApi({ bodyLimit: 20_000, bodyLimitDecoded: 100_000 })
    const token = await api.provision()
    const response = await api.agent(token, data(payload, headers))
    expect(response.statusCode, response.body).toBe(status)
    if (status !== 202) expect(response.headers['content-type']).toBe('application/problem+json')
    expect((await api.agent(token, data(body(1)))).statusCode).toBe(202)
  })

  test('that is not JSON is answered with the position, without its text', async () => {
    const api = await startApi()
    const token = await api.provision()
    const response = await api.agent(token, data('{\n  "reports": [secret]}'))
    expect(response.json().detail).toBe('The body is not valid JSON: line 2, column 15 (position 16) is unexpected.')
    expect((await api.agent(token, data('secret'))).body).not.toContain('secret')
  })

  test('that its sender aborts releases its place', async () => {
    const api = await startApi({ maxConcurrentRequests: 1 })
    const token = await api.provision()
    const url = new URL(await api.listen())
    const head = `${dataRequestHead(token, 1000)}{`
    const socket = connect({ host: url.hostname, port: Number(url.port) }, () => socket.write(head))
    const send = () =>
      fetch(new URL('/api/v1/agent/data', url), {
        method: 'POST',
        headers: { ...json, authorization: `Bearer ${token}` },
        body: body(1),
      })
    await expect.poll(async () => (await send()).status, { timeout: 4000 }).toBe(503)
    socket.destroy()
    await expect.poll(async () => (await send()).status, { timeout: 30_000 }).toBe(202)
  })

  test('that stops arriving is aborted, and a slow body is not', async () => {
    const api = await startApi({ bodyTimeout: '200ms' })
    const token = await api.provision()
    const url = new URL(await api.listen())
    const stuck = await exchange(url, `${dataRequestHead(token, 1000)}{`)
    expect(stuck).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(stuck).toMatch(/\r\nconnection: close\r\ncontent-type: application\/problem\+json\r\n/i)
    const slow = body(200)
    const parts = [dataRequestHead(token, slow.length), slow.slice(0, 20_000), slow.slice(20_000)]
    expect(await exchange(url, ...parts)).toMatch(/^HTTP\/1\.1 202 /)
  })

  test('that expands to more than 100 times its size is refused, unless it is as small as a batch', async () => {
    const api = await startApi()
    const token = await api.provision()
    const gzip = { 'content-encoding': 'gzip' }
    // The first is decompressed in one step, the second while it arrives.
    for (const mebibytes of [5, 20]) {
      const bomb = await api.agent(token, data(gzipSync(`{${'\n'.repeat(mebibytes * 2 ** 20)}?`), gzip))
      expect([bomb.statusCode, bomb.json().detail]).toEqual([
        413,
        'The gzip body expands to more than 100 times its size. Send fewer reports in one request.',
      ])
    }
    const repetitive = `${body(1)}${' '.repeat(2 ** 21)}`
    expect((await api.agent(token, data(gzipSync(repetitive), gzip))).statusCode).toBe(202)
    const deep = await api.agent(token, data('['.repeat(100_000)))
    expect([deep.statusCode, deep.json().detail]).toEqual([
      400,
      'The body nests arrays and objects more than 64 levels deep.',
    ])
  })

  test.each([
    ['short', body(1)],
    ['long', randomBytes(60_000).toString('hex')],
  ])('that is %s and damaged gzip is refused', async (_length, text) => {
    const api = await startApi()
    const token = await api.provision()
    const whole = gzipSync(text)
    const send = async (part: Buffer): Promise<unknown> => {
      const response = await api.agent(token, data(part, { 'content-encoding': 'gzip' }))
      return [response.statusCode, response.json().detail]
    }
    expect(await send(whole.subarray(0, -9))).toEqual([400, 'The gzip body is incomplete.'])
    const notGzip = 'The body is not valid gzip, although `Content-Encoding` is gzip.'
    expect(await send(Buffer.concat([Buffer.from('x'), whole]))).toEqual([400, notGzip])
  })

  test('that is too large is answered with the limit and advice for the route', async () => {
    const api = await startApi({ bodyLimit: 1024, bodyLimitDecoded: 2048 })
    const token = await api.provision()
    const payload = { agent_type: 'docker', environment_name: 'a', config: { image: 'x'.repeat(1024) } }
    const provision = { method: 'POST' as const, url: '/api/v1/agent/provision' }
    expect((await api.admin({ ...provision, payload })).json().detail).toBe(
      'The body is larger than 1024 bytes (sent). Send a smaller one.',
    )
    expect((await api.agent(token, data(body(20)))).json().detail).toBe(
      'The body is larger than 2048 bytes (sent). Send fewer reports in one request.',
    )
    expect((await api.agent(token, data(body(8)))).json().detail).toBe(
      'The body is larger than 1024 bytes (sent). Send fewer reports in one request.',
    )
    expect((await api.agent(token, data(gzipSync(body(40)), { 'content-encoding': 'gzip' }))).json().detail).toBe(
      'The body is larger than 2048 bytes (decompressed). Send fewer reports in one request.',
    )
  })

  test('that is too large is answered while it is still being sent', async () => {
    const api = await startApi({ bodyLimit: 1000 })
    const token = await api.provision()
    const url = await api.listen()
    const response = await fetch(`${url}/api/v1/agent/data`, {
      method: 'POST',
      headers: { ...json, authorization: `Bearer ${token}` },
      body: body(20),
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ status: 413, detail: expect.stringContaining('1000 bytes') })
  })
})

describe('load', () => {
  test.each([
    ['with one token', 1, 429],
    ['of all agents', 3, 503],
  ])('%s above the limit is answered with `Retry-After`', async (_name, count, status) => {
    const api = await startApi({ maxConcurrentRequests: 2 })
    const tokens: string[] = []
    for (let index = 0; index < count; index += 1) tokens.push(await api.provision(`e${index}`))
    const responses = await Promise.all(
      Array.from({ length: 6 }, (_, index) => api.send(tokens[index % count] ?? '', reportOf())),
    )
    const refused = responses.filter((response) => response.statusCode === status)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(6)
    for (const response of refused) {
      expect(response.headers['retry-after']).toMatch(/^[5-8]$/)
      expect(response.json().status).toBe(status)
    }
    expect((await api.send(tokens[0] ?? '', reportOf())).statusCode).toBe(202)
  })

  test('leaves places for other tokens and for admins when one token is at its limit', async () => {
    const api = await startApi({ maxConcurrentRequests: 8 })
    const [first, second] = [await api.provision('a'), await api.provision('b')]
    const url = new URL(await api.listen())
    const head = `${dataRequestHead(first, 1000)}{`
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect({ host: url.hostname, port: Number(url.port) }, () => socket.write(head))
      return socket.on('error', () => undefined)
    })
    await expect.poll(async () => (await api.send(first, reportOf())).statusCode, { timeout: 4000 }).toBe(429)
    expect((await api.send(second, reportOf())).statusCode).toBe(202)
    expect(await api.provision('c')).toMatch(/^agent_c_/)
    for (const socket of sockets) socket.destroy()
  })

  test('above the limit is logged as a warning, not as an error', async () => {
    const lines: Record<string, unknown>[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const api = await startApi({ maxConcurrentRequests: 2, log: log as unknown as FastifyBaseLogger })
    const tokens = [await api.provision('a'), await api.provision('b'), await api.provision('c')]
    await Promise.all([...tokens, ...tokens].map((token) => api.send(token, reportOf())))
    const refused = lines.filter(({ status }) => status === 503 || status === 429)
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]))
    for (const line of refused) {
      expect(line).toMatchObject({
        level: 40,
        msg: 'request refused: overload',
        detail: expect.stringContaining('Try again later.'),
      })
      expect(line).not.toHaveProperty('err')
    }
  })
})

describe('the request rate', () => {
  test('is limited per agent, also of agents that share a token, and separately for heartbeats', async () => {
    const api = await startApi({ rateLimit: 5 })
    const [first, second] = [await api.provision('a'), await api.provision('b')]
    for (let count = 0; count < 5; count += 1) expect((await api.heartbeat(first)).statusCode).toBe(200)
    const refused = await api.heartbeat(first)
    expect([refused.statusCode, refused.json().status]).toEqual([429, 429])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await api.heartbeat(second)).statusCode).toBe(200)
    expect((await api.heartbeat(first, { agent_id: agentIdOf('other') })).statusCode).toBe(200)
    expect((await api.send(first, reportOf())).statusCode).toBe(202)
  })

  test('does not count requests that are refused', async () => {
    const api = await startApi({ rateLimit: 2 })
    const token = await api.provision()
    for (let count = 0; count < 5; count += 1)
      expect((await api.heartbeat(token, { sequence: -1 })).statusCode).toBe(422)
    expect((await api.heartbeat(token)).statusCode).toBe(200)
  })

  test('is limited per address on public routes, except for probes', async () => {
    const api = await startApi({ rateLimit: 2 })
    const statuses: number[] = []
    for (let count = 0; count < 3; count += 1) statuses.push((await api.app.inject('/openapi.json')).statusCode)
    expect(statuses).toEqual([200, 200, 429])
    expect((await api.app.inject('/healthz')).statusCode).toBe(200)
  })

  test('is limited per address without a valid token', async () => {
    const api = await startApi({ rateLimitUnauthenticated: 3 })
    const statuses: number[] = []
    for (let count = 0; count < 5; count += 1)
      statuses.push((await api.agent(`guess-${count}`, { url: '/api/v1/agents' })).statusCode)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await api.admin('/api/v1/agents')).statusCode).toBe(200)
  })
})

describe('the address of the rate limit', () => {
  /** Sends requests without a valid token from one address and returns their statuses. */
  const guess = async (trustProxy: ApiOptions['trustProxy'], forwardedFor: readonly string[]): Promise<number[]> => {
    const api = await startApi({ rateLimitUnauthenticated: 1, ...(trustProxy === undefined ? {} : { trustProxy }) })
    const statuses: number[] = []
    for (const address of forwardedFor) {
      const headers = { 'x-forwarded-for': address }
      statuses.push((await api.agent('guess', { url: '/api/v1/agents', headers })).statusCode)
    }
    return statuses
  }

  test.each([
    ['is the proxy’s without `trustProxy`', undefined, ['203.0.113.1', '203.0.113.2'], [401, 429]],
    ['is the client’s behind a trusted proxy', '127.0.0.0/8', ['203.0.113.1', '203.0.113.2'], [401, 401]],
    ['is counted per client', '127.0.0.1', ['203.0.113.1', '203.0.113.2', '203.0.113.1'], [401, 401, 429]],
    ['is the proxy’s when its address is not trusted', '10.0.0.0/8', ['203.0.113.1', '203.0.113.2'], [401, 429]],
    [
      'is the address that the trusted proxy added, whatever the client sends',
      1,
      ['1.1.1.1, 203.0.113.1', '2.2.2.2, 203.0.113.1'],
      [401, 429],
    ],
    ['is the client’s without the port that a proxy adds', 1, ['203.0.113.1:4711', '203.0.113.1:4712'], [401, 429]],
    ['is the client’s IPv6 network of 64 bits', 1, ['2001:db8:1:2::1', '[2001:db8:1:2:3::4]:4711'], [401, 429]],
    ['is another IPv6 network’s', 1, ['2001:db8:1:2::1', '2001:db8:1:3::1'], [401, 401]],
    ['is one hop further behind two proxies', 2, ['1.1.1.1, 203.0.113.1', '2.2.2.2, 203.0.113.1'], [401, 401]],
    [
      'is the first of the header when every sender is trusted',
      true,
      ['1.1.1.1, 203.0.113.1', '2.2.2.2, 203.0.113.1'],
      [401, 401],
    ],
    ['is the proxy’s when no proxy is trusted', 0, ['203.0.113.1', '203.0.113.2'], [401, 429]],
  ])('%s', async (_name, trustProxy, forwardedFor, statuses) => {
    expect(await guess(trustProxy, forwardedFor)).toEqual(statuses)
  })
})

describe('an unknown path', () => {
  test('is answered with 404, and a wrong method with 405', async () => {
    const api = await startApi()
    expect((await api.app.inject('/api/v1/nothing')).json()).toMatchObject({ status: 404 })
    const wrong = await api.app.inject({ method: 'DELETE', url: '/api/v1/agents/x/gaps?y=1' })
    expect([wrong.statusCode, wrong.headers.allow, wrong.headers['content-type']]).toEqual([
      405,
      'GET, HEAD',
      'application/problem+json',
    ])
    const unread = await api.app.inject({ method: 'POST', url: '/nothing', payload: '{', headers: json })
    expect(unread.statusCode).toBe(404)
    expect((await api.app.inject('/%zz')).json()).toMatchObject({ status: 400 })
    expect((await api.admin(`/api/v1/agents/${'x'.repeat(600)}`)).json()).toMatchObject({ status: expect.any(Number) })
  })
})
