import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { agentIdOf, entityOf, eventOf, heartbeatOf, metricOf, reportOf, START, startApi } from './kit.ts'

/** Number of random requests, over all routes. */
const RUNS = Number(process.env.RCA_RANDOM_REQUESTS ?? 2000)

const unusualText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    '__proto__',
    'constructor',
    "'; drop table points; --",
    '%',
    '-1',
    '1e999',
    'NaN',
    '../..',
    '{}',
    '2026-11-22T12:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
)

const value = fc.oneof(
  fc.jsonValue(),
  unusualText,
  fc.double(),
  fc.constantFrom(1e308, -1e308, 2 ** 53, -0, 1e-320),
  fc.constant([]),
  fc.dictionary(unusualText, unusualText),
)

/** Removes, adds or changes up to three fields of a valid body. */
function mutated(valid: unknown): fc.Arbitrary<string> {
  const paths = pathsOf(valid)
  return fc
    .array(
      fc.record({
        path: fc.constantFrom(...paths),
        action: fc.constantFrom('set', 'remove', 'add'),
        value,
        key: unusualText,
      }),
      { maxLength: 3 },
    )
    .map((changes) => {
      const body = structuredClone(valid)
      for (const { path, action, value: replacement, key } of changes) {
        const parent = path
          .slice(0, -1)
          .reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], body)
        if (typeof parent !== 'object' || parent === null) continue
        const last = path.at(-1) ?? ''
        if (action === 'set') (parent as Record<string, unknown>)[last] = replacement
        else if (action === 'remove') delete (parent as Record<string, unknown>)[last]
        else
          Object.defineProperty(parent, key === 'length' ? 'key' : key, {
            value: replacement,
            enumerable: true,
            configurable: true,
            writable: true,
          })
      }
      return JSON.stringify(body)
    })
}

function pathsOf(node: unknown, path: readonly string[] = []): string[][] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, child]) => [[...path, key], ...pathsOf(child, [...path, key])])
}

const fullReport = reportOf({
  entities: [
    entityOf('c1', {
      attributes: { a: 1, b: ['x'], c: true },
      relations: [{ type: 'in', target: { type: 'host', id: 'r' } }],
    }),
    entityOf('c2', { deleted: true }),
  ],
  metrics: [metricOf(1, { attributes: { mode: 'user' } }), metricOf(2, { name: 'n', kind: 'counter' })],
  events: [eventOf({ id: 'e' }), eventOf({ attributes: { code: 137 } })],
  gaps: [{ scope: 's', reason: 'r', since: new Date(START).toISOString() }],
})

const body = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.oneof(
      mutated({ reports: [fullReport] }),
      mutated(heartbeatOf({ agent_name: 'n', interval_seconds: 1 })),
      mutated({ agent_type: 'docker', environment_name: 'b', config: { log_level: 'info', password: 'p' } }),
      mutated({ agent_type: 'docker', grace_seconds: 1 }),
      mutated({ agent_id: agentIdOf('first'), agent_type: 'docker', agent_version: '1', instance_id: 'web-1' }),
    ),
  },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, '', 'null', '[]', '{', '"') },
)

const queryNames = [
  'name',
  'environment',
  'agent_id',
  'agent_type',
  'from',
  'to',
  'step',
  'aggregate',
  'limit',
  'cursor',
  'severity',
  'connectivity',
  'attribute',
  'entity_id',
  'type',
  'include_deleted',
  'open',
]
const usual = fc.constantFrom(
  'a',
  'container.memory.usage',
  agentIdOf('first'),
  'docker',
  '5m',
  'rate',
  'last',
  '10',
  'warning',
  'online',
  'true',
  'mode=user',
  'WzFd',
  'WyJhIiwiYiIsMV0',
  '2026-11-22T11:00:00Z',
  '2026-11-22T13:00:00Z',
)
const queryString = fc
  .array(fc.tuple(fc.constantFrom(...queryNames), fc.oneof(usual, unusualText)), { maxLength: 4 })
  .map((pairs) => pairs.map(([name, text]) => `${name}=${encodeURIComponent(text.toWellFormed())}`).join('&'))

test(`the API answers ${RUNS} random requests without failing, and writes nothing of refused ones`, {
  timeout: 300_000,
}, async () => {
  const api = await startApi({ rateLimit: 1e9, rateLimitUnauthenticated: 1e9 })
  const token = await api.provision('a')
  await api.send(token, fullReport)
  const observer = new DatabaseSync(api.databasePath, { readOnly: true })
  // Changes with every write of another connection.
  const version = () => observer.prepare('pragma data_version').get()?.data_version
  const audited = () => JSON.stringify(observer.prepare('select max(id), sum(count) from audit').get())

  const routes = api.app.routeMap.routes.flatMap(({ method, url, config }) =>
    [method].flat().map((name) => ({
      method: name as NonNullable<InjectOptions['method']>,
      url,
      access: config?.access ?? 'admin',
    })),
  )
  // A removal would end the token of all further requests.
  const lasting = routes.filter(({ method }) => method !== 'DELETE')
  const writing = routes.filter(({ method }) => method === 'POST')
  const path = fc.oneof(fc.constantFrom(agentIdOf('first'), 'a', 'docker', 'x'), unusualText)
  const request = fc.record({
    // Prefers routes that can write.
    route: fc.oneof(fc.constantFrom(...lasting), fc.constantFrom(...writing), fc.constantFrom(...writing)),
    path,
    query: queryString,
    body,
    gzipped: fc.boolean(),
    type: fc.oneof(
      { weight: 9, arbitrary: fc.constant('application/json') },
      { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=latin1', 'x', '') },
    ),
  })
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const { route } = given
      const url = `${route.url.replaceAll(/:\w+/g, encodeURIComponent(given.path.toWellFormed()))}${given.query === '' ? '' : `?${given.query}`}`
      const before = version()
      const auditedBefore = audited()
      const sendsBody = given.body !== undefined && route.method !== 'GET' && route.method !== 'HEAD'
      const response = await api.app.inject({
        method: route.method,
        url,
        headers: {
          authorization: `Bearer ${route.access === 'agent' ? token : api.adminToken}`,
          ...(sendsBody ? { 'content-type': given.type } : {}),
          ...(sendsBody && given.gzipped ? { 'content-encoding': 'gzip' } : {}),
        },
        ...(sendsBody ? { payload: given.gzipped ? gzipSync(given.body as string) : (given.body as string) } : {}),
      })
      statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1)
      expect(response.statusCode, `${route.method} ${url}\n${String(given.body)}\n${response.body}`).toBeLessThan(500)
      if (response.statusCode >= 400) {
        // The audit trail writes earlier refusals when they have waited for long enough.
        if (audited() === auditedBefore)
          expect(version(), `${route.method} ${url} wrote although it answered ${response.statusCode}`).toBe(before)
        if (route.method !== 'HEAD') expect(response.json()).toMatchObject({ status: response.statusCode })
      }
      // A successful rotation or revocation ends the token of this test, or its use by an agent.
      if (response.statusCode === 200 && /\/token\/|\/revoke$/.test(route.url)) {
        const renewed = new DatabaseSync(api.databasePath)
        renewed.exec('update tokens set revoked_at = null, expires_at = null; delete from agent_revocations')
        renewed.close()
      }
    }),
    { numRuns: RUNS },
  )
  observer.close()
  // The test is meaningful only if many requests are accepted and many refused.
  expect(statuses.get(422) ?? 0).toBeGreaterThan(RUNS / 20)
  expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0) + (statuses.get(202) ?? 0)).toBeGreaterThan(RUNS / 20)
  expect(statuses.get(401) ?? 0).toBe(0)
  expect((await api.send(token, reportOf())).statusCode).toBe(202)
})
