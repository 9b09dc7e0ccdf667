import { expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured, NEWER } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import type { CachedKind } from '../../kinds/index.ts'
import { workloadChanges } from './workload-changes.ts'

const IMAGE = ['spec', 'template', 'spec', 'containers', 0, 'image']
const REVISION = ['metadata', 'annotations', 'deployment.kubernetes.io/revision']
const deployment = withChange(captured('deployment', NEWER), IMAGE, 'shop/web:1')
const replicaSet = captured('replica-set', NEWER)

/** A cluster in which a workload takes one image after another. */
function scene(kind: CachedKind, initial: typeof deployment) {
  const cluster = followedCluster()
  cluster.put(kind, initial)
  cluster.listed()
  const { events } = watchDeclared(cluster, workloadChanges, () => new Date('2026-11-25T02:00:00Z'))
  let generation = 10
  let current = initial
  const change = (next: typeof initial): void => {
    generation += 1
    current = withChange(next, ['metadata', 'generation'], generation)
    cluster.put(kind, current)
  }
  return {
    cluster,
    events,
    change,
    take: (image: string) => change(withChange(current, IMAGE, image)),
    /** The controller numbers the revision. */
    number: (path: readonly string[], revision: string) => {
      current = withChange(current, path, revision)
      cluster.put(kind, current)
    },
    bodies: () => events.map(({ body }) => body.replace(/ by [\w-]+/, '')),
  }
}

/** The ReplicaSet of a revision of the Deployment, as its controller makes it. */
function revisionOf(image: string, revision: string) {
  const named = withChange(withChange(replicaSet, ['metadata', 'uid'], revision), REVISION, revision)
  return withChange(named, IMAGE, image)
}

test('a Deployment that takes the template of an earlier revision is rolled back, also if the agent is new', () => {
  const second = withChange(withChange(deployment, IMAGE, 'shop/web:2'), REVISION, '2')
  const { cluster, events, take } = scene('deployments', second)
  cluster.put('replicaSets', revisionOf('shop/web:1', '1'))
  cluster.put('replicaSets', revisionOf('shop/web:2', '2'))
  take('shop/web:1')
  expect(events).toMatchObject([
    {
      name: 'k8s.workload.changed',
      body: 'Deployment shop/web was rolled back to revision 1 by kubectl: app: shop/web:2 → shop/web:1',
      attributes: { 'change.rollback_to': '1', 'change.images': ['app: shop/web:2 → shop/web:1'] },
    },
  ])
})

test('a Deployment is not rolled back by another template, another setting, or a change that is taken back at once', () => {
  const { cluster, bodies, take, change } = scene('deployments', withChange(deployment, REVISION, '2'))
  cluster.put('replicaSets', revisionOf('shop/web:0', '1'))
  cluster.put('replicaSets', revisionOf('shop/web:1', '2'))
  take('shop/web:3')
  take('shop/web:1')
  change(withChange(withChange(deployment, REVISION, '2'), ['spec', 'paused'], true))
  expect(bodies()).toEqual([
    'Deployment shop/web was changed: app: shop/web:1 → shop/web:3',
    'Deployment shop/web was changed: app: shop/web:3 → shop/web:1',
    'Deployment shop/web was changed: paused: false → true',
  ])
})

test('a requested restart that is undone is a rollback', () => {
  const restarted = ['spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt']
  const second = withChange(withChange(deployment, restarted, '2026-11-25T01:00:00Z'), REVISION, '2')
  const { cluster, bodies, change } = scene('deployments', second)
  cluster.put('replicaSets', revisionOf('shop/web:1', '1'))
  change(withChange(deployment, REVISION, '2'))
  expect(bodies()).toEqual(['Deployment shop/web was rolled back to revision 1'])
})

test.each([
  ['statefulSets', 'stateful-set', 'StatefulSet', ['status', 'updateRevision'], ['web-6f5c', 'web-7d9c']],
  [
    'daemonSets',
    'daemon-set',
    'DaemonSet',
    ['metadata', 'annotations', 'deprecated.daemonset.template.generation'],
    ['1', '2'],
  ],
] as const)(
  '%s are rolled back to a template that the agent has seen',
  (kind, fixture, name, path, [first, second]) => {
    const { bodies, take, number } = scene(kind, withChange(withChange(captured(fixture), IMAGE, 'a:1'), path, first))
    take('a:2')
    number(path, second)
    take('a:1')
    expect(bodies()[0]).toMatch(new RegExp(`^${name} \\S+ was changed: `))
    expect(bodies()[1]).toMatch(new RegExp(`^${name} \\S+ was rolled back to revision ${first}: `))
  },
)
