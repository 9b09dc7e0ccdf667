import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import { LIMITS } from '@rca/core/protocol'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { agentIdOf, entityOf, eventOf, exchange, heartbeatOf, metricOf, reportOf, startApi } from './kit.ts'

/*
 * Attacks that any agent's token allows. Each is refused before its cost, and the platform serves everybody else.
 * `npm run test:attack` runs them against an API of its own, or against the one at `RCA_ATTACK_URL` with the agent
 * token `RCA_ATTACK_TOKEN` of the type `docker`.
 */

interface Target {
  readonly url: string
  readonly token: string
}

async function findTarget(): Promise<Target> {
  const { RCA_ATTACK_URL: url, RCA_ATTACK_TOKEN: token } = process.env
  if (url !== undefined && token !== undefined) return { url, token }
  const api = await startApi()
  return { url: await api.listen(), token: await api.provision() }
}

async function send({ url, token }: Target, path: string, text: string): Promise<{ status: number; body: Problem }> {
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
    const target = await findTarget()
    const answer = await send(target, path, body())
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)])
    expect(answer.body.errors?.length ?? 0).toBeLessThanOrEqual(20)
    expect((await fetch(new URL('/healthz', target.url))).status).toBe(200)
  })

  test('that fills every limit of a report is accepted', async () => {
    const target = await findTarget()
    const agent = { agent_id: agentIdOf('attacker'), report_id: v7() }
    const attributes = Object.fromEntries(
      Array.from({ length: LIMITS.attributes }, (_, index) => [`a${index}`, index < 8 ? Array(240).fill('x') : index]),
    )
    const report = reportOf({ entities: [entityOf('a', { attributes })], metrics: [metricOf(1)] }, agent)
    expect((await send(target, 'data', JSON.stringify({ reports: [report] }))).status).toBe(202)
  })
})

describe('a response', () => {
  test('is kept out of caches and frames, and no page runs scripts of others', async () => {
    const api = await startApi()
    const { headers } = await api.app.inject('/healthz')
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    const page = await api.app.inject('/docs/')
    expect(page.body).toContain('<script')
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self'(?: 'sha256-[\w+/=]+')+$/)
  })
})

describe('a request', () => {
  test('with two tokens is refused', async () => {
    const api = await startApi()
    const url = new URL(await api.listen())
    const token = `Authorization: Bearer ${api.adminToken}\r\n`
    const answer = await exchange(url, `GET /api/v1/agents HTTP/1.1\r\nHost: x\r\n${token}${token}\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('Send `Authorization` once.')
  })

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
