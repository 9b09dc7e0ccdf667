import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { namespaceChanges } from './namespace-changes.ts'

const namespace = captured('namespace')
const quota = captured('quota')
const { uid } = namespace.metadata as { readonly uid: string }
const system = { metadata: { name: 'kube-system', uid: 's', creationTimestamp: '2026-01-01T00:00:00Z' } }
const now = new Date('2026-11-25T02:00:00Z')

function scene() {
  const cluster = followedCluster()
  for (const object of [namespace, system]) cluster.put('namespaces', object)
  cluster.put('resourceQuotas', quota)
  cluster.put('pods', captured('pod'))
  cluster.put('deployments', captured('deployment'))
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, namespaceChanges, () => now) }
}

beforeEach(() => {
  vi.useFakeTimers({ now })
})
afterEach(() => {
  vi.useRealTimers()
})

test('reports a created namespace', () => {
  const { cluster, events } = scene()
  cluster.put('namespaces', { metadata: { name: 'new', uid: 'n', creationTimestamp: '2026-11-25T01:59:00Z' } })
  expect(events).toMatchObject([
    { id: 'k8s/n/created', name: 'k8s.namespace.created', at: '2026-11-25T01:59:00.000Z', entity: { id: 'new' } },
  ])
})

test('reports a deleted namespace with the objects in it at the beginning, but not its quota', () => {
  const { cluster, events } = scene()
  const ending = withChange(namespace, ['metadata', 'deletionTimestamp'], '2026-11-25T01:59:30Z')
  cluster.put('namespaces', ending)
  cluster.remove('pods', captured('pod'))
  cluster.remove('resourceQuotas', quota)
  cluster.remove('namespaces', ending)
  vi.advanceTimersByTime(60_000)
  const objects = ['pods: 1', 'deployments: 1']
  expect(events).toMatchObject([
    {
      id: `k8s/${uid}/terminating`,
      at: '2026-11-25T01:59:30.000Z',
      body: 'Namespace scene is being deleted with pods: 1, deployments: 1',
      attributes: { 'k8s.namespace.objects': objects },
    },
    { id: `k8s/${uid}/deleted`, attributes: { 'k8s.namespace.objects': objects } },
  ])
})

test('reports changed limits of a quota, but not its use', () => {
  const { cluster, events } = scene()
  cluster.put('resourceQuotas', withChange(quota, ['status', 'used', 'pods'], '10'))
  cluster.put('resourceQuotas', withChange(quota, ['spec', 'hard'], { pods: '5', 'requests.cpu': '4' }))
  const other = { metadata: { name: 'new', uid: 'q', namespace: 'scene' }, spec: { hard: { pods: '1' } } }
  cluster.put('resourceQuotas', other)
  cluster.remove('resourceQuotas', other)
  vi.advanceTimersByTime(1_000)
  expect(events.map(({ attributes }) => attributes['change.limits'])).toEqual([
    ['pods: 10 → 5', 'requests.memory: 8Gi → none'],
    ['pods: none → 1'],
    ['pods: 1 → none'],
  ])
  expect(events.map(({ body }) => body.replace(/ by [\w-]+/, ''))).toEqual([
    'ResourceQuota scene/compute was changed: pods: 10 → 5; requests.memory: 8Gi → none',
    'ResourceQuota scene/new was created: pods: 1',
    'ResourceQuota scene/new was deleted: pods: 1',
  ])
  expect(events[0]).toMatchObject({ attributes: { 'change.by': 'kubectl-client-side-apply' } })
  expect(new Set(events.map(({ id }) => id)).size).toBe(3)
})

test('reports the scopes of a quota that is created, and what differs in one that is replaced', () => {
  const { cluster, events } = scene()
  const scoped = (uid: string, pods: string) => ({
    metadata: { name: 'scoped', uid, namespace: 'scene' },
    spec: {
      hard: { pods, 'limits.memory': '4Gi' },
      scopes: ['NotTerminating'],
      scopeSelector: {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high', 'middle'] }],
      },
    },
  })
  cluster.put('resourceQuotas', scoped('one', '0'))
  cluster.remove('resourceQuotas', scoped('one', '0'))
  cluster.put('resourceQuotas', scoped('two', '3'))
  vi.advanceTimersByTime(1_000)
  expect(events.map(({ body }) => body)).toEqual([
    'ResourceQuota scene/scoped was created, for pods of NotTerminating and PriorityClass In high, middle: pods: 0; limits.memory: 4Gi',
    'ResourceQuota scene/scoped was deleted and replaced, for pods of NotTerminating and PriorityClass In high, middle: pods: 0 → 3',
  ])
  expect(events[0]?.attributes['k8s.resourcequota.scopes']).toEqual(['NotTerminating', 'PriorityClass In high, middle'])
})
