import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { kubeconfigAccess, openKubernetes } from './client.ts'

function write(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-kubeconfig-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'config'), text)
  return join(folder, 'config')
}

const user = (name: string, how: object): object => ({ name, user: how })

function kubeconfig(users: readonly object[], more: object = {}): string {
  const contexts = (users as { name: string }[]).map(({ name }) => ({
    name,
    context: { cluster: 'c', user: name, namespace: 'shop' },
  }))
  const clusters = [{ name: 'c', cluster: { server: 'https://127.0.0.1:1/prefix' } }]
  return write(JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters, users, contexts, ...more }))
}

const plugin = `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'from-plugin' } }))`

test.each([
  ['a token', { token: 'canary' }, 'Bearer canary'],
  ['a plugin', { exec: { command: process.execPath, args: ['-e', plugin] } }, 'Bearer from-plugin'],
  ['a password', { username: 'a', password: 'b' }, 'Basic YTpi'],
])('a kubeconfig with %s', async (_what, how, expected) => {
  const access = await kubeconfigAccess(kubeconfig([user('u', how)]), 'u')
  expect(access.server.href).toBe('https://127.0.0.1:1/prefix')
  expect(access.namespace).toBe('shop')
  const credentials = await access.credentials()
  expect(credentials.headers.authorization).toBe(expected)
  expect(await credentials.createAgent({ maxSockets: 3 })).toMatchObject({ keepAlive: true, maxSockets: 3 })
})

test('kubeconfigAccess uses the current context, or the given one', async () => {
  const users = [user('one', { token: '1' }), user('two', { token: '2' })]
  const path = kubeconfig(users, { 'current-context': 'one' })
  const tokenOf = async (context?: string) => (await (await kubeconfigAccess(path, context)).credentials()).headers
  expect(await tokenOf()).toEqual({ authorization: 'Bearer 1' })
  expect(await tokenOf('two')).toEqual({ authorization: 'Bearer 2' })
  await expect(kubeconfigAccess(path, 'three')).rejects.toThrow('has no context `three`; it has `one`, `two`')
})

test('errors name the file or context that cannot be used', async () => {
  await expect(openKubernetes({ kubeconfig: '/nowhere/config' })).rejects.toThrow(
    '`kubeconfig`: /nowhere/config cannot be read',
  )
  await expect(openKubernetes({ kubeconfig: ':' })).rejects.toThrow('names no file')
  await expect(openKubernetes({ kubeconfig: write('{}') })).rejects.toThrow(/kubeconfig/)
  const broken = await kubeconfigAccess(kubeconfig([user('u', { exec: { command: '/nowhere/plugin' } })]), 'u')
  await expect(broken.credentials()).rejects.toThrow('the credentials of context `u` cannot be loaded')
  const path = kubeconfig([user('u', {})], { clusters: [{ name: 'c', cluster: {} }], 'current-context': 'u' })
  await expect(kubeconfigAccess(path)).rejects.toThrow(/cannot be read|no cluster with an address/)
})
