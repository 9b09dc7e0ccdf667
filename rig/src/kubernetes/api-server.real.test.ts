import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { realDescribe } from '../real.ts'
import { run } from '../run.ts'
import { askApi } from './api-request.ts'
import { type ApiServer, missingForApiServer, startApiServer } from './api-server.ts'
import { findKubectl } from './binaries.ts'
import type { User } from './credentials.ts'

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForApiServer()

realDescribe('an API server', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-apiserver-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder })
  }, 120_000)
  afterAll(async () => {
    const pids = Object.values(server.pids())
    await server.stop()
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  const ask = async (user: User, ...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfigOf(user), ...words])

  test('lets each user do what that user may', async () => {
    await ask('admin', 'create', 'namespace', 'first')
    expect(await ask('certificate', 'get', 'namespaces', '--output=name')).toContain('namespace/first\n')
    expect(await ask('viewer', 'get', 'namespaces', '--output=name')).toContain('namespace/first\n')
    await expect(ask('viewer', 'get', 'secrets')).rejects.toThrow('Forbidden')
    await expect(ask('nobody', 'get', 'namespaces')).rejects.toThrow('Forbidden')
  })

  test('comes back after it was killed, with what was stored', async () => {
    await ask('admin', 'create', 'namespace', 'second')
    await server.signal('apiserver', 'SIGKILL')
    expect(server.pids()).not.toHaveProperty('apiserver')
    await server.restart()
    expect(await ask('admin', 'get', 'namespaces', '--output=name')).toContain('namespace/second\n')
  }, 120_000)

  test('answers 410 to a list that is continued after a compaction', async () => {
    const api = { url: server.url, ca: server.ca, token: server.tokenOf('admin') }
    const first = await askApi(api, 'GET', '/api/v1/namespaces?limit=1')
    const { metadata } = JSON.parse(first.body) as { metadata: { continue: string } }
    const next = `/api/v1/namespaces?limit=1&continue=${encodeURIComponent(metadata.continue)}`
    expect((await askApi(api, 'GET', next)).status).toBe(200)
    await server.compact()
    expect((await askApi(api, 'GET', next)).status).toBe(410)
  })
})
