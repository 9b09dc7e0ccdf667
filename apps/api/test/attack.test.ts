import { once } from 'node:events'
import { connect } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import { LIMITS } from '@rca/core/protocol'
import { v7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createApi } from '../src/index.ts'
import {
  ADMIN,
  agentIdOf,
  dataRequestHead,
  entityOf,
  eventOf,
  exchange,
  heartbeatOf,
  metricOf,
  reportOf,
  startApi,
  testRegistry,
} from './kit.ts'

/*
 * Attacks that any sender, or any agent's token, allows. Each is refused before its cost, and the platform serves
 * everybody else. `npm run test:attack` runs them against an API of its own, or against the one at `RCA_ATTACK_URL`
 * with the admin token `RCA_ATTACK_ADMIN_TOKEN`, in an environment of their own whose tokens are revoked at the end.
 */

interface Target {
  readonly url: string
  readonly admin: string
  /** Tokens of four agents of the type `docker`. */
  readonly tokens: readonly string[]
  readonly token: string
}

const ENVIRONMENT = `attack-${v7()}`
const AGENTS_TOKENS = 4

let target: Target
let end = async (): Promise<unknown> => undefined

beforeAll(async () => {
  const { url, admin, close } = await findApi()
  const tokens: string[] = []
  for (let count = 0; count < AGENTS_TOKENS; count += 1) {
    const body = { agent_type: 'docker', environment_name: ENVIRONMENT }
    const { agent_token } = await call<{ agent_token: string }>(url, admin, '/api/v1/agent/provision', body)
    tokens.push(agent_token)
  }
  target = { url, admin, tokens, token: tokens[0] ?? '' }
  end = async () => {
    await call(url, admin, `/api/v1/environments/${ENVIRONMENT}/token/revoke`, {})
    await close()
  }
})

afterAll(() => end())

/** Returns the API that is attacked. */
async function findApi(): Promise<{ url: string; admin: string; close: () => Promise<unknown> }> {
  const { RCA_ATTACK_URL: url, RCA_ATTACK_ADMIN_TOKEN: admin } = process.env
  if (url !== undefined && admin !== undefined) return { url, admin, close: async () => undefined }
  const api = await createApi({
    registry: testRegistry,
    port: 0,
    databaseUrl: 'sqlite::memory:',
    adminToken: ADMIN,
    artifactsFolder: '/nowhere',
    checkResponses: true,
    // Load of the machine must not fail a test.
    maxEventLoopDelayMs: 0,
  })
  return { url: await api.listen(), admin: ADMIN, close: api.close }
}

/** Calls a route with POST, or without a body with GET. @throws if the platform does not accept it */
async function call<Answer>(url: string, token: string, path: string, body?: object): Promise<Answer> {
  const response = await request(url, path, token, body)
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
  return (await response.json()) as Answer
}

function request(url: string, path: string, token?: string, body?: object): Promise<Response> {
  return fetch(new URL(path, url), {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  })
}

async function send(path: string, text: string): Promise<{ status: number; body: Problem }> {
  const { url, token } = target
  const response = await fetch(new URL(`/api/v1/agent/${path}`, url), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    },
    body: gzipSync(text),
  })
  return { status: response.status, body: (await response.json()) as Problem }
}

interface Problem {
  readonly detail?: string
  readonly errors?: readonly { readonly pointer: string }[]
}

/** A report that a running platform accepts: of the present, and of an agent of its own. */
function ownReport(data: Parameters<typeof reportOf>[0] = {}) {
  return reportOf(data, { agent_id: agentIdOf(ENVIRONMENT), timestamp: new Date().toISOString() })
}

/** Objects of JSON, whose names differ. */
function objectOf(fields: number, value: string, prefix = 'a'): string {
  return `{${Array.from({ length: fields }, (_, index) => `"${prefix}${index}":${value}`).join()}}`
}

/** A body of one report, with a text of JSON in place of a list. */
function reportWith(list: string, json: string): string {
  return JSON.stringify({ reports: [{ ...reportOf(), data: { ...reportOf().data, [list]: '?' } }] }).replace(
    '"?"',
    json,
  )
}

const withAttributes = (signal: object, attributes: string): string =>
  `[${JSON.stringify({ ...signal, attributes: '?' }).replace('"?"', attributes)}]`
const listOf = (count: number, json: string): string => `[${Array(count).fill(json).join()}]`
const list = (value: string): string => listOf(LIMITS.elements, value)

/** Body, path, expected status, and expected detail. */
const ATTACKS: readonly (readonly [name: string, path: string, body: () => string, status: number, detail: RegExp])[] =
  [
    [
      'a million attributes of null',
      'data',
      () => reportWith('metrics', withAttributes(metricOf(1), objectOf(1_000_000, 'null'))),
      422,
      /^#\/reports\/0\/data\/metrics\/0\/attributes: Must have at most 128 fields/,
    ],
    [
      'one attribute too many',
      'data',
      () => reportWith('metrics', withAttributes(metricOf(1), objectOf(LIMITS.attributes + 1, '1'))),
      422,
      /^#\/reports\/0\/data\/metrics\/0\/attributes: Must have at most 128 fields/,
    ],
    [
      'lists of null in all attributes',
      'data',
      () => reportWith('entities', withAttributes(entityOf('a'), objectOf(LIMITS.attributes, list('null')))),
      422,
      /attributes: Must have at most 2048 values/,
    ],
    [
      'thousands of empty signals',
      'data',
      () => reportWith('events', listOf(50_000, '{}')),
      422,
      /^#\/reports\/0\/data\/events\/0\//,
    ],
    ['a million empty signals', 'data', () => reportWith('metrics', listOf(1_000_000, '{}')), 422, /at most 250000/],
    [
      'a signal with thousands of empty relations',
      'data',
      () =>
        reportWith(
          'entities',
          `[${JSON.stringify(entityOf('a')).replace('"relations":[]', `"relations":${listOf(4096, '{}')}`)}]`,
        ),
      422,
      /relations\/0/,
    ],
    [
      'an event of 1 MB in one attribute',
      'data',
      () => reportWith('events', withAttributes(eventOf(), `{"a":"${'x'.repeat(2 ** 20)}"}`)),
      422,
      /^#\/reports\/0\/data\/events\/0: This signal is larger than 262144 bytes/,
    ],
    [
      'an event of 1 MB in permitted attributes',
      'data',
      () => reportWith('events', withAttributes(eventOf(), objectOf(32, `"${'x'.repeat(LIMITS.attribute)}"`))),
      422,
      /This signal is larger than 262144 bytes/,
    ],
    ['a thousand reports without a field', 'data', () => `{"reports":${listOf(1000, '{}')}}`, 422, /^#\/reports\/0\//],
    [
      'names that differ in each signal',
      'data',
      () =>
        reportWith(
          'metrics',
          `[${Array.from({ length: 20_000 }, (_, index) => objectOf(4, '1', `n${index}-`)).join()}]`,
        ),
      422,
      /^#\/reports\/0\/data\/metrics\/0\//,
    ],
    [
      'a megabyte in an unknown field',
      'data',
      () => JSON.stringify({ reports: [reportOf()], unknown: 'x'.repeat(2 ** 20) }),
      413,
      /larger than 524288 bytes, not counting signals/,
    ],
    ['a name of 1 MB', 'data', () => `{"${'n'.repeat(400_000)}":1}`, 422, /A name in this object is longer than 256/],
    ['a million levels', 'data', () => '['.repeat(1_000_000), 400, /64 levels/],
    [
      'a heartbeat with 500,000 collectors',
      'heartbeat',
      () => JSON.stringify(heartbeatOf({ collectors: '?' })).replace('"?"', objectOf(500_000, '{}')),
      422,
      /^#\/collectors: Must have at most 256 fields/,
    ],
    [
      'a heartbeat with 257 collectors',
      'heartbeat',
      () =>
        JSON.stringify(heartbeatOf({ collectors: '?' })).replace('"?"', objectOf(LIMITS.collectors + 1, '{"ok":true}')),
      422,
      /^#\/collectors: Must have at most 256 fields/,
    ],
    [
      'a heartbeat with errors of 1 MB',
      'heartbeat',
      () =>
        JSON.stringify(heartbeatOf({ collectors: '?' })).replace(
          '"?"',
          objectOf(LIMITS.collectors, JSON.stringify({ ok: false, error: 'e'.repeat(LIMITS.reason) })),
        ),
      413,
      /larger than/,
    ],
  ]

describe('an attack', () => {
  test.each(ATTACKS)('with %s is refused', async (_name, path, body, status, detail) => {
    const answer = await send(path, body())
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)])
    expect(answer.body.errors?.length ?? 0).toBeLessThanOrEqual(20)
    expect((await fetch(new URL('/healthz', target.url))).status).toBe(200)
  })

  test('that fills every limit of a report is accepted', async () => {
    const attributes = Object.fromEntries(
      Array.from({ length: LIMITS.attributes }, (_, index) => [`a${index}`, index < 8 ? Array(240).fill('x') : index]),
    )
    const report = ownReport({ entities: [entityOf('a', { attributes })], metrics: [metricOf(1)] })
    expect((await send('data', JSON.stringify({ reports: [report] }))).status).toBe(202)
  })
})

describe('a gzip bomb', () => {
  test.each([
    ['of a body', '{"reports":[]}'.padEnd(12 * 2 ** 20)],
    ['beyond the limit of a body', 'x'.repeat(24 * 2 ** 20)],
  ])('%s is refused', async (_name, text) => {
    expect((await send('data', text)).status).toBe(413)
  })
})

describe('a response', () => {
  test('is kept out of caches and frames, and no page runs scripts of others', async () => {
    const { headers } = await request(target.url, '/healthz')
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    const page = await request(target.url, '/docs/')
    expect(await page.text()).toContain('<script')
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self'(?: 'sha256-[\w+/=]+')+$/)
  })
})

describe('a caller without a token', () => {
  test('opens no route', async () => {
    const { paths } = (await (await request(target.url, '/openapi.json')).json()) as {
      paths: Record<string, Record<string, { security?: readonly object[] }>>
    }
    const closed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security = [] }]) =>
        security.length === 0 ? [] : [{ path, method }],
      ),
    )
    expect(closed.length).toBeGreaterThan(20)
    for (const { path, method } of closed) {
      const response = await fetch(new URL(path.replaceAll(/\{\w+\}/g, 'x'), target.url), {
        method: method.toUpperCase(),
      })
      expect([method, path, response.status]).toEqual([method, path, 401])
    }
  })

  test.each([
    '/downloads/..%2f..%2fetc%2fpasswd',
    '/downloads/%2e%2e/%2e%2e/etc/passwd',
    '/charts/..%5c..%5cpackage.json',
    '/install/%00',
    '/docs/../../package.json',
    '//etc/passwd',
  ])('reads no file with %s', async (path) => {
    const response = await fetch(`${target.url}${path}`)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.status).toBeLessThan(500)
    expect(await response.text()).not.toMatch(/root:|"dependencies"/)
  })

  test('is written into the audit trail with its address', async () => {
    const { status } = await request(
      target.url,
      '/api/v1/agents',
      'agent_guessed_0000000000000000000000000000000000000000000',
    )
    expect(status).toBe(401)
    // Refusals are written with the next change.
    await call(target.url, target.admin, '/api/v1/agent/provision', {
      agent_type: 'docker',
      environment_name: ENVIRONMENT,
    })
    const { entries } = await call<{ entries: readonly { outcome: string; address: string | null }[] }>(
      target.url,
      target.admin,
      '/api/v1/audit?limit=100',
    )
    expect(JSON.stringify(entries)).not.toContain('agent_guessed')
    expect(entries.filter(({ outcome, address }) => /refused|denied/.test(outcome) && address)).not.toEqual([])
  })
})

describe('a token of an agent', () => {
  test.each([
    '/api/v1/agents',
    '/api/v1/events',
    '/api/v1/environments',
    '/api/v1/audit',
    '/api/v1/access-tokens',
    '/metrics',
  ])('does not read %s', async (path) => {
    expect([401, 403]).toContain((await request(target.url, path, target.token)).status)
  })
})

describe('a query', () => {
  test.each([
    '/api/v1/events?name=%27%20or%201%3D1%20--',
    '/api/v1/events?environment=%27%3Bdrop%20table%20events%3B--',
    '/api/v1/events?text=%25%27%20union%20select%20*%20from%20tokens%20--',
    '/api/v1/agents?environment=%22%20or%20%22%22%3D%22',
    '/api/v1/events?cursor=eyJhdCI6MX0',
    '/api/v1/events?cursor=%00',
    `/api/v1/events?cursor=${'A'.repeat(2000)}`,
    '/api/v1/events?limit=1e9',
    '/api/v1/events?limit=-1',
    '/api/v1/events?from=-271821-04-20T00:00:00Z&to=+275760-09-13T00:00:00Z',
    '/api/v1/metrics?name=a&from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&step=1s',
    '/api/v1/events?__proto__=1',
    '/api/v1/agents/%00',
    `/api/v1/agents/${'9'.repeat(400)}`,
  ])('%s finds nothing of others, and causes no internal error', async (path) => {
    const response = await request(target.url, path, target.admin)
    const text = await response.text()
    expect([200, 400, 404, 414, 422]).toContain(response.status)
    if (response.status === 200) expect(text).toMatch(/^\{"(?:events|agents|series)":\[\]/)
    expect(text).not.toMatch(/SQLITE|syntax error|select /i)
  })
})

describe('a request', () => {
  test.skipIf(process.env.RCA_ATTACK_URL?.startsWith('https:')).each([
    [
      'two tokens',
      ['GET /api/v1/agents HTTP/1.1', 'Host: x', 'Authorization: Bearer a', 'Authorization: Bearer b'],
      400,
    ],
    ['two lengths', ['POST /api/v1/agent/data HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2'], 400],
    [
      'a length and chunks',
      ['POST /api/v1/agent/data HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Transfer-Encoding: chunked'],
      400,
    ],
    ['an unknown encoding', ['POST /api/v1/agent/data HTTP/1.1', 'Host: x', 'Transfer-Encoding: xchunked'], 400],
    ['a space before a colon', ['GET /healthz HTTP/1.1', 'Host: x', 'Content-Length : 1'], 400],
    ['headers of 64 KiB', ['GET /healthz HTTP/1.1', 'Host: x', `X: ${'x'.repeat(65_536)}`], 431],
    ['no host', ['GET /healthz HTTP/1.1'], 400],
    ['an address of another server', ['CONNECT example.com:443 HTTP/1.1', 'Host: x'], 405],
    ['a null byte', ['GET /healthz\0 HTTP/1.1', 'Host: x'], 400],
  ] as const)('with %s is refused', async (_name, lines, status) => {
    const answer = await exchange(new URL(target.url), `${lines.join('\r\n')}\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
  })

  test.skipIf(process.env.RCA_ATTACK_URL?.startsWith('https:'))(
    'is served while the bodies of four tokens never come',
    async () => {
      const url = new URL(target.url)
      const sockets = Array.from({ length: 64 }, (_, index) => {
        const head = `${dataRequestHead(target.tokens[index % AGENTS_TOKENS] ?? '', 1000)}{`
        return connect({ host: url.hostname, port: Number(url.port) }, () => sockets[index]?.write(head)).on(
          'error',
          () => undefined,
        )
      })
      onTestFinished(() => {
        for (const socket of sockets) socket.destroy()
      })
      await Promise.all(sockets.map((socket) => once(socket, 'connect')))
      const { agent_token } = await call<{ agent_token: string }>(target.url, target.admin, '/api/v1/agent/provision', {
        agent_type: 'docker',
        environment_name: ENVIRONMENT,
      })
      const deliver = () => request(target.url, '/api/v1/agent/data', agent_token, { reports: [ownReport()] })
      await expect.poll(async () => (await deliver()).status, { timeout: 60_000 }).toBe(202)
    },
  )

  test('with a password in a URL stores no password', async () => {
    const api = await startApi()
    const image = 'https://user:canary-7@registry.example.com/agent'
    await api.provision('a', 'docker', { image })
    const stored = new DatabaseSync(api.databasePath, { readOnly: true })
    const rows = stored.prepare('select * from provisions').all()
    stored.close()
    expect(JSON.stringify(rows)).toContain('image')
    expect(JSON.stringify(rows)).not.toContain('canary')
  })
})
