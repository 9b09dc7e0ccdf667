import { describe, expect, test } from 'vitest'
import { KubernetesError } from './api/errors.ts'
import { openKeySecret } from './key-secret.ts'

const { signal } = new AbortController()

interface Secret {
  readonly metadata: { readonly resourceVersion: string; readonly labels: object }
  readonly type: string
  readonly data?: Readonly<Record<string, string>>
}

/** A server with one Secret, as the chart creates it, or none. */
function secretServer(secret?: Partial<Secret>) {
  const metadata = { resourceVersion: '1', labels: { 'app.kubernetes.io/managed-by': 'Helm' } }
  const stored = { secret: secret === undefined ? undefined : ({ metadata, type: 'Opaque', ...secret } as Secret) }
  const paths: object[] = []
  const store = openKeySecret({
    config: { key_secret: 'agent-key' },
    api: {
      namespace: 'monitoring',
      get: async (_resource, path) => {
        paths.push(path)
        return stored.secret
      },
      replace: async (_resource, path, object) => {
        paths.push(path)
        const { metadata } = object as Secret
        if (metadata.resourceVersion !== stored.secret?.metadata.resourceVersion)
          throw new KubernetesError('changed meanwhile', { status: 409 })
        stored.secret = object as Secret
        return object
      },
    },
  })
  if (store === undefined) throw new Error('there is no store')
  return { store, stored, paths }
}

describe('the Secret of the agent’s key', () => {
  test('keeps texts by name, and everything else in it', async () => {
    const { store, stored, paths } = secretServer({})
    expect(await store.read('key-1', signal)).toBeUndefined()
    await store.write('key-1', '{"a":"ü"}', signal)
    await store.write('key-2', 'b', signal)
    expect([await store.read('key-1', signal), await store.read('key-2', signal)]).toEqual(['{"a":"ü"}', 'b'])
    expect(stored.secret).toMatchObject({
      type: 'Opaque',
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      data: { 'key-2': Buffer.from('b').toString('base64') },
    })
    expect(new Set(paths.map((path) => JSON.stringify(path)))).toEqual(
      new Set([JSON.stringify({ name: 'agent-key', namespace: 'monitoring' })]),
    )
  })

  test('says what creates it if it does not exist', async () => {
    const { store } = secretServer()
    const message =
      '`key_secret`: Secret agent-key does not exist in namespace monitoring. The chart creates it: install the chart again, or create an empty Secret'
    await expect(store.read('key-1', signal)).rejects.toThrow(message)
    await expect(store.write('key-1', 'a', signal)).rejects.toThrow(message)
  })

  test('is used only with the option', () => {
    const api = {
      namespace: undefined,
      get: () => Promise.reject(new Error('called')),
      replace: () => Promise.reject(new Error('called')),
    }
    expect(openKeySecret({ config: {}, api })).toBeUndefined()
  })
})
