import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { configChanges } from './config-changes.ts'

const start = new Date('2026-11-25T02:00:00Z')

/** As a server writes the metadata of one. */
function config(name: string, writers: Readonly<Record<string, string>> = { helm: 'f:data' }, time = start) {
  const managedFields = Object.entries(writers).map(([manager, part]) => ({
    manager,
    operation: 'Update',
    time: time.toISOString(),
    fieldsV1: { [part]: { 'f:canary-key': {} } },
  }))
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'canary' }
  return { metadata: { name, uid: `uid-${name}`, namespace: 'scene', managedFields, annotations } }
}

function scene(kind: 'configMaps' | 'secrets', ...objects: readonly object[]) {
  const cluster = followedCluster()
  cluster.put('deployments', captured('deployment'))
  for (const object of objects) cluster.put(kind, object)
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, configChanges) }
}

beforeEach(() => {
  vi.useFakeTimers({ now: start })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a ConfigMap', () => {
  test('is reported with its users when it is created, changed and deleted', () => {
    const { cluster, events } = scene('configMaps', config('old'))
    cluster.put('configMaps', config('web'))
    cluster.put('configMaps', config('web', { helm: 'f:data', 'kubectl-edit': 'f:data' }))
    cluster.remove('configMaps', config('web'))
    cluster.remove('configMaps', config('old'))
    vi.advanceTimersByTime(1_000)
    expect(events.map(({ name, severity, body }) => [name, severity, body])).toEqual([
      ['k8s.config.created', 'info', 'ConfigMap scene/web was created by helm'],
      ['k8s.config.changed', 'warning', 'ConfigMap scene/web was changed by kubectl-edit; used by Deployment/web'],
      ['k8s.config.deleted', 'error', 'ConfigMap scene/web was deleted; used by Deployment/web'],
      ['k8s.config.deleted', 'info', 'ConfigMap scene/old was deleted'],
    ])
    expect(events[1]).toMatchObject({
      entity: { type: 'k8s.configmap', id: 'scene/web' },
      attributes: { 'change.by': 'kubectl-edit', 'k8s.config.used_by': ['Deployment/web'] },
    })
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is not reported if only labels or annotations change, as in leader elections', () => {
    const { cluster, events } = scene('configMaps', config('web'), config('lock', { leader: 'f:metadata' }))
    cluster.put('configMaps', config('web', { helm: 'f:data', 'kubectl-label': 'f:metadata' }))
    for (let index = 0; index < 9; index += 1)
      cluster.put('configMaps', config('lock', { leader: 'f:metadata' }, new Date(start.getTime() + index * 1_000)))
    expect(events).toEqual([])
  })

  /** The same name with another uid, as the server makes it after `kubectl replace --force`. */
  const another = (uid: string, createdAt = start.toISOString().replace('.000Z', 'Z')) => {
    const raw = config('web', { 'kubectl-replace': 'f:data' })
    return { metadata: { ...raw.metadata, uid, creationTimestamp: createdAt } }
  }

  test('is reported once, as replaced, if another one takes its place at once', () => {
    const { cluster, events } = scene('configMaps', config('web'))
    vi.advanceTimersByTime(400)
    cluster.remove('configMaps', config('web'))
    vi.advanceTimersByTime(100)
    cluster.put('configMaps', another('new'))
    vi.advanceTimersByTime(60_000)
    expect(events).toMatchObject([
      {
        name: 'k8s.config.changed',
        id: 'k8s/new/replaced',
        severity: 'warning',
        at: '2026-11-25T02:00:00.400Z',
        body: 'ConfigMap scene/web was deleted and replaced by kubectl-replace; used by Deployment/web',
      },
    ])
  })

  test('is created no earlier than another one of its name was deleted', () => {
    const { cluster, events } = scene('configMaps', config('web'))
    vi.advanceTimersByTime(400)
    cluster.remove('configMaps', config('web'))
    vi.advanceTimersByTime(599)
    cluster.put('configMaps', another('new'))
    expect(events.map(({ name, at }) => [name, at])).toEqual([
      ['k8s.config.deleted', '2026-11-25T02:00:00.400Z'],
      ['k8s.config.created', '2026-11-25T02:00:00.400Z'],
    ])
  })

  test('is not reported as deleted if its replacement is known before, as after a gap in the watch', () => {
    const { cluster, events } = scene('configMaps', config('web'))
    cluster.put('configMaps', another('new'))
    cluster.remove('configMaps', config('web'))
    vi.advanceTimersByTime(60_000)
    expect(events.map(({ name }) => name)).toEqual(['k8s.config.created'])
  })

  test('is reported as deleted after it was replaced', () => {
    const { cluster, events } = scene('configMaps', config('web'))
    cluster.remove('configMaps', config('web'))
    cluster.put('configMaps', another('new'))
    cluster.remove('configMaps', another('new'))
    vi.advanceTimersByTime(60_000)
    expect(events.map(({ name }) => name)).toEqual(['k8s.config.changed', 'k8s.config.deleted'])
  })

  test('is sampled if it changes all the time', () => {
    const { cluster, events } = scene('configMaps', config('busy'))
    for (let index = 0; index < 120; index += 1) {
      vi.advanceTimersByTime(2_000)
      cluster.put('configMaps', config('busy'))
    }
    expect(events.map(({ attributes }) => attributes['change.count'])).toEqual([
      ...[undefined, undefined, undefined, undefined],
      ...[10, 30, 100],
    ])
    vi.advanceTimersByTime(11 * 60_000)
    cluster.put('configMaps', config('busy'))
    expect(events).toHaveLength(8)
  })

  test('is not reported if every namespace has it', () => {
    const { cluster, events } = scene('configMaps')
    cluster.put('configMaps', config('kube-root-ca.crt'))
    cluster.remove('configMaps', config('kube-root-ca.crt'))
    vi.advanceTimersByTime(1_000)
    expect(events).toEqual([])
  })
})

describe('a Secret', () => {
  test('is reported by its name, with the workloads that take variables from its keys', () => {
    const { cluster, events } = scene('secrets', config('db'))
    cluster.put('secrets', config('db', { helm: 'f:data', vault: 'f:data' }))
    expect(events).toMatchObject([
      {
        body: 'Secret scene/db was changed by vault; used by Deployment/web',
        attributes: { 'k8s.config.kind': 'Secret' },
      },
    ])
  })

  test('that belongs to a Helm release is reported as a change of the release', () => {
    const release = (status: string, version = 4) =>
      withChange(config(`sh.helm.release.v1.shop.v${version}`), ['metadata', 'labels'], { status, owner: 'helm' })
    const { cluster, events } = scene('secrets', release('deployed', 3))
    cluster.put('secrets', release('pending-upgrade'))
    cluster.put('secrets', release('failed'))
    cluster.put('secrets', release('failed'))
    cluster.put('secrets', release('superseded', 3))
    cluster.put('secrets', release('deployed', 5))
    cluster.remove('secrets', release('superseded', 3))
    vi.advanceTimersByTime(1_000)
    expect(events.map(({ severity, body }) => [severity, body])).toEqual([
      ['error', 'Helm: revision 4 of release shop in namespace scene is failed'],
      ['info', 'Helm: revision 5 of release shop in namespace scene is deployed'],
    ])
  })
})
