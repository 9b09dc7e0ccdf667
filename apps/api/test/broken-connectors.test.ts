import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { discoverConnectors } from '@rca/core'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startApi, type TestApi } from './kit.ts'

/** A connector made with another copy of core. */
const USABLE = `const schema = { type: 'object', properties: {} }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
export const connector = Object.defineProperty(
  { contract: 1, type: 'acme/queues', title: 'T', description: 'D', config, signals: {}, collectors: {}, deploy: () => ({ command: '' }) },
  Symbol.for('rca.connector'),
  { value: true },
)`

/**
 * Starts an API beside two installed packages, one with this code and one that works. `log` returns the lines of its
 * log.
 */
async function startWithPackage(
  code: string,
): Promise<{ api: TestApi; log: () => { level: number; msg: string; package?: string; err?: { message: string } }[] }> {
  const root = mkdtempSync(join(tmpdir(), 'rca-api-host-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const installed = (name: string, type: string, source: string): Record<string, string> => ({
    [`node_modules/${name}/package.json`]: JSON.stringify({
      name,
      version: '1.2.3',
      type: 'module',
      exports: './index.js',
      rca: { contract: 1, type, title: 'Acme', description: 'Watch Acme.' },
    }),
    [`node_modules/${name}/index.js`]: source,
  })
  const files = {
    'package.json': JSON.stringify({ dependencies: { 'rca-broken': '*', 'rca-queues': '*' } }),
    ...installed('rca-broken', 'acme/broken', code),
    ...installed('rca-queues', 'acme/queues', USABLE),
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const lines: string[] = []
  const api = await startApi({
    registry: await discoverConnectors({ from: join(root, 'main.js') }),
    log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
  })
  return { api, log: () => lines.map((line) => JSON.parse(line)) }
}

const provision = (api: TestApi) =>
  api.admin({
    method: 'POST',
    url: '/api/v1/agent/provision',
    payload: { agent_type: 'acme/broken', environment_name: 'a' },
  })
const show = (api: TestApi) => api.admin('/api/v1/agent/types/acme/broken')

describe('a connector whose package throws on import', () => {
  const code = "throw new Error('no disk')"
  const reason = 'no disk'

  test('gets the same problem from every route, and the log names its package once', async () => {
    for (const request of [provision, show]) {
      const { api, log } = await startWithPackage(code)
      const response = await request(api)
      expect(response.json()).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        detail: expect.stringMatching(
          new RegExp(
            `^The connector of rca-broken@1\\.2\\.3 cannot be used: .*${reason}.*\\. Then restart the platform\\.$`,
          ),
        ),
      })
      expect(log()).toMatchObject([
        { level: 50, package: 'rca-broken', version: '1.2.3', err: { message: expect.stringContaining(reason) } },
      ])
      expect((await api.admin('/api/v1/environments')).json().environments).toEqual([])
    }
  })

  test('is left out of the list of types, and logged once', async () => {
    const { api, log } = await startWithPackage(code)
    for (let count = 0; count < 2; count += 1)
      expect((await api.admin('/api/v1/agent/types')).json()).toEqual({
        types: ['acme/queues'],
        descriptions: { 'acme/queues': 'Watch Acme.' },
        connectors: { 'acme/queues': { package: 'rca-queues', version: '1.2.3' } },
      })
    expect(log()).toMatchObject([{ level: 50, package: 'rca-broken', reason: expect.stringContaining(reason) }])
  })
})

test('a type with a slash is found with a plain and with an encoded slash', async () => {
  const { api } = await startWithPackage(USABLE)
  for (const path of ['acme/queues', 'acme%2Fqueues']) {
    const response = await api.admin(`/api/v1/agent/types/${path}`)
    expect([response.statusCode, response.json()]).toEqual([
      200,
      expect.objectContaining({ type: 'acme/queues', connector: { package: 'rca-queues', version: '1.2.3' } }),
    ])
  }
  const unknown = await api.admin('/api/v1/agent/types/acme/queue')
  expect([unknown.statusCode, unknown.json().detail]).toEqual([
    404,
    expect.stringContaining('Did you mean `acme/queues`?'),
  ])
  expect((await api.admin({ method: 'POST', url: '/api/v1/agent/types/acme/queues' })).statusCode).toBe(405)
})
