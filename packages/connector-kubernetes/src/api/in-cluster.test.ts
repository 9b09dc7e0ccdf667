import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inClusterAccess } from './in-cluster.ts'

function serviceAccount(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-service-account-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const pod = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }

describe('inClusterAccess', () => {
  test('reads the token for each request', async () => {
    const folder = serviceAccount({ token: 'first\n', 'ca.crt': 'CA', namespace: 'rca' })
    const access = await inClusterAccess(pod, folder)
    expect(access).toMatchObject({ server: new URL('https://10.96.0.1'), namespace: 'rca' })
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer first' })
    writeFileSync(join(folder, 'token'), 'second')
    expect(await access.credentials()).toMatchObject({ headers: { authorization: 'Bearer second' }, connection: 'CA' })
  })

  test('accepts an IPv6 address', async () => {
    const access = await inClusterAccess({ ...pod, KUBERNETES_SERVICE_HOST: 'fd00::1' }, serviceAccount({}))
    expect(access.server.origin).toBe('https://[fd00::1]')
  })

  test('says what to do outside of a pod and without a service account', async () => {
    await expect(inClusterAccess({})).rejects.toThrow('Set `kubeconfig`')
    const access = await inClusterAccess(pod, serviceAccount({}))
    await expect(access.credentials()).rejects.toThrow('automountServiceAccountToken')
  })
})
