import { describe, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { type RevisionOptions, revisionOf } from '../../../test/revisions.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { workloadChanges } from './workload-changes.ts'

const now = new Date('2026-11-25T02:00:00Z')
const FIRST = { revision: 1, replicas: 4 }
const SECOND = { revision: 2, image: 'shop/web:2' }
const THIRD = { revision: 3, image: 'shop/web:3' }

/** A cluster that is known, with a Rollout of one revision. */
function scene() {
  const cluster = followedCluster()
  const put = (hash: string, options: RevisionOptions, change: (raw: object) => object = (raw) => raw): void =>
    cluster.put('replicaSets', change(withChange(revisionOf(hash, options), ['metadata', 'uid'], `uid-${hash}`)))
  put('a', FIRST)
  cluster.listed()
  const { events } = watchDeclared(cluster, workloadChanges, () => now)
  return { cluster, put, events, bodies: () => events.map(({ body }) => body) }
}

describe('a Rollout with a new template', () => {
  test('is reported once, however its pods are scaled then', () => {
    const { put, events } = scene()
    const created = (raw: object) => withChange(raw, ['metadata', 'creationTimestamp'], '2026-11-25T01:59:58Z')
    put('b', SECOND, created)
    for (const [old, now] of [
      [3, 1],
      [2, 2],
      [0, 4],
      // The canary is aborted and retried.
      [4, 0],
      [3, 1],
      [0, 4],
    ]) {
      put('b', { ...SECOND, replicas: now ?? 0 }, created)
      put('a', { ...FIRST, replicas: old ?? 0 })
    }
    expect(events).toEqual([
      {
        id: 'k8s/rollout-1/2/changed',
        name: 'k8s.workload.changed',
        at: '2026-11-25T01:59:58.000Z',
        severity: 'warning',
        entity: { type: 'k8s.replicaset', id: 'shop/web-b' },
        body: 'Rollout shop/web was changed: app: shop/web:1 → shop/web:2',
        attributes: {
          'k8s.namespace.name': 'shop',
          'k8s.workload.kind': 'Rollout',
          'k8s.workload.name': 'web',
          'k8s.workload.revision': '2',
          'k8s.helm.release': 'shop',
          'change.fields': ['image'],
          'change.images': ['app: shop/web:1 → shop/web:2'],
        },
      },
    ])
  })

  test('is reported with names of variables, resources and probes like a Deployment', () => {
    const { put, events } = scene()
    const container = {
      name: 'app',
      image: 'shop/web:1',
      env: [{ name: 'DB_PASSWORD', value: 'canary-other' }],
      resources: { limits: { memory: '512Mi' } },
      readinessProbe: { httpGet: { port: 8080, path: '/ready' } },
    }
    put('b', SECOND, (raw) => withChange(raw, ['spec', 'template', 'spec', 'containers', 0], container))
    expect(events).toMatchObject([
      {
        attributes: {
          'change.fields': ['resources', 'environment', 'probes'],
          'change.environment.changed': ['app/DB_PASSWORD'],
          'change.resources': ['app limits.memory: none → 512Mi'],
          'change.probes': ['app readiness: none → http :8080/ready'],
        },
      },
    ])
    expect(JSON.stringify(events)).not.toMatch(/canary|#\d/)
  })

  test('is compared with the newest revision that has pods, not with an aborted one', () => {
    const { put, bodies } = scene()
    put('b', SECOND)
    put('c', THIRD)
    expect(bodies()[1]).toBe('Rollout shop/web was changed: app: shop/web:1 → shop/web:3')
    put('c', { ...THIRD, replicas: 1 })
    put('d', { revision: 4, image: 'shop/web:4' })
    expect(bodies()[2]).toBe('Rollout shop/web was changed: app: shop/web:3 → shop/web:4')
    for (const [hash, options] of [
      ['a', FIRST],
      ['c', THIRD],
    ] as const)
      put(hash, { ...options, replicas: 0 })
    put('e', { revision: 5, image: 'shop/web:5' })
    expect(bodies()[3]).toBe('Rollout shop/web was changed: app: shop/web:4 → shop/web:5')
  })

  test('is compared with the revision before it, whatever the order of the list', () => {
    const { put, bodies } = scene()
    put('c', { ...THIRD, replicas: 4 })
    put('b', SECOND)
    expect(bodies()).toEqual([
      'Rollout shop/web was changed: app: shop/web:1 → shop/web:3',
      'Rollout shop/web was changed: app: shop/web:1 → shop/web:2',
    ])
  })

  test('is compared with a revision whose last pods still end', () => {
    const { put, bodies } = scene()
    put('a', { ...FIRST, replicas: 0 }, (raw) => withChange(raw, ['status', 'replicas'], 4))
    put('b', SECOND)
    put('c', THIRD)
    expect(bodies()[1]).toBe('Rollout shop/web was changed: app: shop/web:1 → shop/web:3')
  })
})

describe('a Rollout that is rolled back', () => {
  test('is reported each time that the controller numbers it again', () => {
    const { put, events, bodies } = scene()
    put('b', { ...SECOND, replicas: 4 })
    put('a', { ...FIRST, replicas: 0 })
    put('a', { revision: 3, replicas: 0 })
    put('a', { revision: 3, replicas: 4 })
    put('b', { ...SECOND, replicas: 0 })
    put('b', { ...SECOND, revision: 4 })
    expect(bodies()).toEqual([
      'Rollout shop/web was changed: app: shop/web:1 → shop/web:2',
      'Rollout shop/web was rolled back to revision 1: app: shop/web:2 → shop/web:1',
      'Rollout shop/web was rolled back to revision 2: app: shop/web:1 → shop/web:2',
    ])
    expect(events.map(({ id }) => id)).toEqual([2, 3, 4].map((revision) => `k8s/rollout-1/${revision}/changed`))
    expect(events[1]).toMatchObject({ at: '2026-11-25T02:00:00.000Z', entity: { id: 'shop/web-a' } })
  })

  test('is compared with the revision that was desired since, while the former one still has pods', () => {
    const { put, bodies } = scene()
    put('b', SECOND)
    put('a', { ...FIRST, revision: 3 })
    expect(bodies()[1]).toBe('Rollout shop/web was rolled back to revision 1: app: shop/web:2 → shop/web:1')
  })
})

describe('a Rollout is not reported for', () => {
  test('an existing revision, or the first one', () => {
    const cluster = followedCluster()
    for (const [hash, options] of [
      ['a', FIRST],
      ['b', SECOND],
    ] as const)
      cluster.put('replicaSets', withChange(revisionOf(hash, options), ['metadata', 'uid'], hash))
    const { events } = watchDeclared(cluster, workloadChanges, () => now)
    cluster.listed()
    const other = { owner: { name: 'other', uid: 'rollout-2' } }
    cluster.put('replicaSets', withChange(revisionOf('c', { ...THIRD, ...other }), ['metadata', 'uid'], 'c'))
    expect(events).toEqual([])
  })

  test('another number of the newest revision, or of an older one', () => {
    const { put, events } = scene()
    put('b', SECOND)
    expect(events.splice(0)).toHaveLength(1)
    put('b', { ...SECOND, revision: 3 })
    put('a', { ...FIRST, revision: 0 })
    expect(events).toEqual([])
  })

  test('a new number of the same template', () => {
    const { put, events } = scene()
    put('b', { revision: 2 })
    expect(events).toEqual([])
  })

  test('ReplicaSets that a new Rollout of the same name adopts', () => {
    const { put, events } = scene()
    put('b', SECOND)
    expect(events.splice(0)).toHaveLength(1)
    const orphan = (raw: object) => withChange(raw, ['metadata', 'ownerReferences'], [])
    put('a', FIRST, orphan)
    put('b', SECOND, orphan)
    const owner = { uid: 'rollout-2' }
    put('a', { ...FIRST, owner })
    put('b', { ...SECOND, owner })
    expect(events).toEqual([])
  })

  test('deleted revisions, and ReplicaSets without revision numbers', () => {
    const { cluster, put, events } = scene()
    put('b', SECOND, (raw) => withChange(raw, ['metadata', 'deletionTimestamp'], '2026-11-25T01:59:00Z'))
    cluster.remove('replicaSets', { metadata: { uid: 'uid-b' } })
    const annotations = (raw: object) => withChange(raw, ['metadata', 'annotations'], { note: '2' })
    const owner = { kind: 'Experiment', uid: 'experiment-1' }
    put('c', { ...FIRST, owner }, annotations)
    put('d', { ...SECOND, owner }, annotations)
    expect(events).toEqual([])
  })

  test('a ReplicaSet of a Deployment, which is watched itself', () => {
    const { put, events } = scene()
    const owner = { kind: 'Deployment', apiVersion: 'apps/v1', uid: 'deployment-1' }
    put('c', { ...FIRST, owner })
    put('d', { ...SECOND, owner })
    expect(events).toEqual([])
  })
})
