import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ApiServer, findKubectl, missingForApiServer, run, startApiServer, type User } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { KubernetesError } from '../src/api/errors.ts'
import type { ApiResource, KubernetesApi, WatchEvent } from '../src/api/kubernetes-api.ts'
import { openKubernetes } from '../src/client.ts'
import { LEASES } from '../src/election/lease-api.ts'
import { groupVersionsOf, selectKinds } from '../src/informer/discovered-kinds.ts'
import type { Change } from '../src/informer/object-store.ts'
import { createReflector } from '../src/informer/reflector.ts'
import { openKeySecret } from '../src/key-secret.ts'
import { type ConfigObject, projectConfigObject } from '../src/kinds/config-object/config-object.ts'
import { type KindName, kinds } from '../src/kinds/index.ts'
import { projectNamespace } from '../src/kinds/namespace/namespace.ts'
import { fakeFingerprint } from './fixtures.ts'

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForApiServer()

realDescribe('a real API server', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-connector-kubernetes-'))
  const { signal } = new AbortController()
  let server: ApiServer

  beforeAll(async () => {
    server = await startApiServer({ folder })
  }, 90_000)
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const open = async (user: User): Promise<KubernetesApi> => {
    const api = await openKubernetes({ kubeconfig: server.kubeconfigOf(user) })
    onTestFinished(() => api.close())
    return api
  }
  const ask = (...words: string[]): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', server.kubeconfigOf('admin'), ...words])
  const kindsOf = async (api: KubernetesApi) =>
    selectKinds(kinds, await api.discover(groupVersionsOf(Object.values(kinds)), signal))
  const kind = async (api: KubernetesApi, name: KindName): Promise<ApiResource> => {
    const { found } = await kindsOf(api)
    return found[name] as ApiResource
  }
  const failure = async (promise: Promise<unknown>): Promise<KubernetesError> => {
    const error: unknown = await promise.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(KubernetesError)
    return error as KubernetesError
  }

  /** Follows the ConfigMaps of a namespace until the test ends. */
  const following = async (api: KubernetesApi, namespace: string, silence = 90_000) => {
    const changes: string[] = []
    const blind: boolean[] = []
    const stop = new AbortController()
    const reflector = createReflector<ConfigObject>({
      api,
      resource: await kind(api, 'configMaps'),
      namespace,
      limit: 2,
      silence,
      project: (raw) => projectConfigObject(raw, fakeFingerprint),
      onChange: (change) => changes.push(describeChange(change)),
      now: () => new Date(),
      sleep: (milliseconds, stopping) => {
        blind.push(reflector.watchError !== undefined)
        return setTimeout(milliseconds, undefined, { signal: stopping }).catch(() => undefined)
      },
    })
    const running = reflector.run(stop.signal)
    onTestFinished(async () => {
      stop.abort()
      await running
    })
    await reflector.synced
    return { reflector, changes, blind }
  }

  /** Returns the newest version in which the server has a resource. */
  const versionOf = async (group: string, resource: string): Promise<string | undefined> => {
    for (const version of ['v1', 'v1beta1']) {
      const answer = await ask('get', '--raw', `/apis/${group}/${version}`).catch(() => '{"resources":[]}')
      const { resources } = JSON.parse(answer) as { readonly resources: readonly { readonly name: string }[] }
      if (resources.some(({ name }) => name === resource)) return version
    }
    return undefined
  }

  test('has every kind but metrics, in the newest version of the server', async () => {
    const { found, missing } = await kindsOf(await open('viewer'))
    expect(missing.map(({ name }) => name)).toEqual(['podMetrics', 'nodeMetrics'])
    expect(found).toMatchObject({
      cronJobs: { version: await versionOf('batch', 'cronjobs') },
      podDisruptionBudgets: { version: await versionOf('policy', 'poddisruptionbudgets') },
      pods: { isNamespaced: true, verbs: expect.arrayContaining(['list', 'watch']) },
      nodes: { isNamespaced: false },
    })
  })

  test('is listed page by page and followed, with a token and with a certificate', async () => {
    for (const user of ['admin', 'certificate'] as const) {
      const namespace = `follow-${user}`
      await ask('create', 'namespace', namespace)
      for (const name of ['a', 'b', 'c']) await ask('-n', namespace, 'create', 'configmap', name)
      const { changes, reflector } = await following(await open(user), namespace)
      expect(changes).toEqual(['there a', 'there b', 'there c'])
      await ask('-n', namespace, 'create', 'configmap', 'd', '--from-literal=key=canary')
      await ask('-n', namespace, 'label', 'configmap', 'a', 'team=shop')
      await ask('-n', namespace, 'delete', 'configmap', 'b')
      await expect.poll(() => changes.slice(3), { timeout: 10_000 }).toEqual(['added d', 'changed a', 'deleted b'])
      expect(JSON.stringify([...reflector.objects.values()])).not.toContain('canary')
    }
  })

  test('that is killed is watched again once it is back, without missed or duplicate changes', async () => {
    await ask('create', 'namespace', 'killed')
    await ask('-n', 'killed', 'create', 'configmap', 'a')
    const { changes, reflector } = await following(await open('admin'), 'killed')
    await server.signal('apiserver', 'SIGKILL')
    await expect.poll(() => reflector.watchError, { timeout: 20_000 }).toBeDefined()
    await server.restart()
    await ask('-n', 'killed', 'create', 'configmap', 'b')
    await expect.poll(() => changes, { timeout: 40_000 }).toEqual(['there a', 'added b'])
    expect(reflector.watchError).toBeUndefined()
  }, 90_000)

  test('that has nothing to say is not taken for one that cannot be reached', async () => {
    await ask('create', 'namespace', 'quiet')
    const { blind, changes } = await following(await open('admin'), 'quiet', 500)
    await expect.poll(() => blind.length, { timeout: 10_000 }).toBeGreaterThan(2)
    await ask('-n', 'quiet', 'create', 'configmap', 'a')
    await expect.poll(() => changes, { timeout: 10_000 }).toEqual(['added a'])
    expect(blind.slice(0, 3)).toEqual([false, false, false])
  })

  test('that has forgotten what a watch has seen says so', async () => {
    const api = await open('admin')
    await server.compact()
    const watch = { resourceVersion: '1', onEvent: () => undefined }
    expect(await failure(api.watch(await kind(api, 'namespaces'), watch, signal))).toMatchObject({ status: 410 })
  })

  test('sends nothing of secrets but their metadata', async () => {
    await ask('create', 'namespace', 'secrets')
    await ask('-n', 'secrets', 'create', 'secret', 'generic', 'db', '--from-literal=password=canary')
    const api = await open('admin')
    const secrets = await kind(api, 'secrets')
    const texts: string[] = []
    const onItems = (items: readonly unknown[]): void => void texts.push(...items.map((item) => JSON.stringify(item)))
    const resourceVersion = await api.list(secrets, { namespace: 'secrets', onItems }, signal)
    texts.push(JSON.stringify(await api.get(secrets, { namespace: 'secrets', name: 'db' }, signal)))
    await ask('-n', 'secrets', 'label', 'secret', 'db', 'team=shop')
    const received = new AbortController()
    const onEvent = ({ object }: WatchEvent): void => {
      texts.push(JSON.stringify(object))
      received.abort(new Error('received'))
    }
    const watching = api.watch(secrets, { namespace: 'secrets', resourceVersion, onEvent }, received.signal)
    await expect(watching).rejects.toThrow('received')
    expect(texts).toHaveLength(3)
    for (const text of texts) {
      expect(text).toContain('"name":"db"')
      expect(text).not.toContain('"data"')
    }
  })

  test('keeps a lease, and lets only the faster one replace it', async () => {
    await ask('create', 'namespace', 'lease')
    const api = await open('admin')
    const lease = { metadata: { name: 'leader' }, spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } }
    const made = (await api.create('lease', lease, signal)) as typeof lease
    expect(await failure(api.create('lease', lease, signal))).toMatchObject({ status: 409 })
    const next = { ...made, spec: { ...made.spec, holderIdentity: 'b' } }
    const path = { namespace: 'lease', name: 'leader' }
    expect(await api.replace(LEASES, path, next, signal)).toMatchObject({ spec: { holderIdentity: 'b' } })
    expect(await failure(api.replace(LEASES, path, next, signal))).toMatchObject({ status: 409 })
    expect(await api.get(LEASES, { namespace: 'lease', name: 'other' }, signal)).toBeUndefined()
  })

  test('keeps the agent’s key in an empty Secret', async () => {
    await ask('create', 'namespace', 'key')
    await ask('create', 'secret', 'generic', 'agent-key', '--namespace=key')
    const api = await open('admin')
    const store = openKeySecret({ config: { key_secret: 'agent-key' }, api: { ...api, namespace: 'key' } })
    expect(await store?.read('key-1', signal)).toBeUndefined()
    await store?.write('key-1', '{"agent_key":"a"}', signal)
    await store?.write('key-2', 'b', signal)
    expect(await store?.read('key-1', signal)).toBe('{"agent_key":"a"}')
  })

  test('names the permission that is missing', async () => {
    const viewer = await open('viewer')
    const error = await failure(viewer.list(await kind(viewer, 'secrets'), { onItems: () => undefined }, signal))
    expect(error).toMatchObject({ status: 403, permission: { verb: 'list', group: '', resource: 'secrets' } })
    expect(error.message).toContain('allow verb `list` on resource `secrets` of API group `""` in a ClusterRole')
  })

  test('says when the token or the authority is wrong', async () => {
    const text = readFileSync(server.kubeconfigOf('viewer'), 'utf8')
    const write = (name: string, from: string | RegExp, to: string): string => {
      const changed = text.replace(from, to)
      expect(changed).not.toBe(text)
      writeFileSync(join(folder, name), changed)
      return join(folder, name)
    }
    const token = await openKubernetes({ kubeconfig: write('token', server.tokenOf('viewer'), 'wrong') })
    expect((await failure(token.discover(groupVersionsOf(Object.values(kinds)), signal))).message).toContain(
      'rejected the credentials',
    )
    const other = await openKubernetes({
      kubeconfig: write('ca', /"?certificate-authority-data"?: *"?[^",}\s]+"?,?/, ''),
    })
    expect((await failure(other.discover(groupVersionsOf(Object.values(kinds)), signal))).message).toContain(
      'is not trusted',
    )
  })

  test('reads what it keeps', async () => {
    const api = await open('viewer')
    const names: string[] = []
    const onItems = (items: readonly unknown[]): void =>
      void names.push(...items.map((item) => projectNamespace(item).name))
    await api.list(await kind(api, 'namespaces'), { onItems, limit: 1 }, signal)
    expect(names).toContain('kube-system')
  })
})

function describeChange(change: Change<ConfigObject>): string {
  if (change.type === 'added') return `${change.isInitial ? 'there' : 'added'} ${change.object.name}`
  return `${change.type} ${change.old.name}`
}
