import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { realDescribe } from '../real.ts'
import { run, START_TIMEOUT_MS } from '../run.ts'
import { requestApi } from './api-client.ts'
import { type ApiServer, missingForApiServer, startApiServer } from './api-server.ts'
import { findKubectl } from './binaries.ts'
import type { User } from './credentials.ts'

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForApiServer()

/** Returns an empty text for a process that has ended. */
function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

realDescribe('startApiServer', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-apiserver-'))
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder })
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    const pids = Object.values(server.pids())
    await server.stop()
    // Another process may have one of the pids by now.
    for (const pid of pids) expect(commandLineOf(pid)).not.toContain(folder)
    rmSync(folder, { recursive: true, force: true })
  }, START_TIMEOUT_MS)

  const kubectlAs = async (user: User, ...args: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfigOf(user), ...args])

  test('grants each user its permissions', async () => {
    await kubectlAs('admin', 'create', 'namespace', 'first')
    expect(await kubectlAs('certificate', 'get', 'namespaces', '--output=name')).toContain('namespace/first\n')
    expect(await kubectlAs('viewer', 'get', 'namespaces', '--output=name')).toContain('namespace/first\n')
    await expect(kubectlAs('viewer', 'get', 'secrets')).rejects.toThrow('Forbidden')
    await expect(kubectlAs('unprivileged', 'get', 'namespaces')).rejects.toThrow('Forbidden')
  })

  test(
    'keeps stored objects when the API server is killed and restarted',
    async () => {
      await kubectlAs('admin', 'create', 'namespace', 'second')
      await server.signal('apiserver', 'SIGKILL')
      expect(server.pids()).not.toHaveProperty('apiserver')
      await server.restart()
      expect(await kubectlAs('admin', 'get', 'namespaces', '--output=name')).toContain('namespace/second\n')
    },
    START_TIMEOUT_MS,
  )

  test('answers 410 when a list continues after a compaction', async () => {
    const api = { url: server.url, ca: server.ca, token: server.tokenOf('admin') }
    const first = await requestApi(api, 'GET', '/api/v1/namespaces?limit=1')
    const { metadata } = JSON.parse(first.body) as { metadata: { continue: string } }
    const next = `/api/v1/namespaces?limit=1&continue=${encodeURIComponent(metadata.continue)}`
    expect((await requestApi(api, 'GET', next)).status).toBe(200)
    await server.compact()
    expect((await requestApi(api, 'GET', next)).status).toBe(410)
  })
})
