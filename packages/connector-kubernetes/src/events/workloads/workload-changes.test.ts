import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { type FollowedCluster, followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { workloadChanges } from './workload-changes.ts'

const deployment = captured('deployment')
const namespace = captured('namespace')
const cronJob = captured('cron-job')
/** A quarter of an hour after the capture, and more. */
const later = new Date('2026-11-25T02:00:00Z')

/** `shop/web-3`, made after the agent came. */
function named(name: string, object = deployment): Record<string, unknown> {
  return withChange(withChange(object, ['metadata', 'name'], name), ['metadata', 'uid'], `uid-${name}`)
}

/** A cluster that is known, with a namespace in it. */
function scene(...objects: readonly object[]) {
  const cluster = followedCluster()
  cluster.put('namespaces', namespace)
  cluster.put('namespaces', named('kube-system', namespace))
  for (const object of objects) cluster.put('deployments', object)
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, workloadChanges, () => new Date()) }
}

/** A change of what an author wants, by a new writer. */
function change(cluster: FollowedCluster, path: readonly (string | number)[], value: unknown): void {
  const writer = { manager: 'helm', operation: 'Apply', time: '2026-11-25T01:59:58Z', fieldsV1: { 'f:spec': {} } }
  const next = withChange(withChange(deployment, path, value), ['metadata', 'generation'], 2)
  cluster.put('deployments', withChange(next, ['metadata', 'managedFields', 2], writer))
}

/** The event of an autoscaler that gave its target this number of pods. */
function rescaled(uid: string, pods: number, why: string) {
  return {
    metadata: { name: `${uid}.${pods}`, namespace: 'scene', uid: `event-${uid}-${pods}` },
    type: 'Normal',
    reason: 'SuccessfulRescale',
    note: `New size: ${pods}; reason: ${why}`,
    regarding: { kind: 'HorizontalPodAutoscaler', namespace: 'scene', name: `hpa-of-${uid}`, uid },
    deprecatedCount: 1,
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: later })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a Deployment', () => {
  test('is reported at the start of the agent only if it was created recently', () => {
    expect(scene(deployment).events).toEqual([])
    const cluster = followedCluster()
    cluster.put('deployments', deployment)
    const { events } = watchDeclared(cluster, workloadChanges, () => new Date('2026-11-25T01:20:00Z'))
    expect(events).toMatchObject([
      {
        name: 'k8s.workload.created',
        id: `k8s/${(deployment.metadata as { uid: string }).uid}/created`,
        at: '2026-11-25T01:18:57.000Z',
        body: 'Deployment scene/web was created by kubectl-client-side-apply',
        attributes: {
          'k8s.workload.images': ['prepare=shop/prepare:1', 'app=shop/web:1.7.0'],
          'k8s.workload.replicas.desired': 3,
          'k8s.helm.release': 'shop',
        },
      },
    ])
  })

  test('is reported with author and time when its image changes', () => {
    const { cluster, events } = scene(deployment)
    change(cluster, ['spec', 'template', 'spec', 'containers', 0, 'image'], 'shop/web:2')
    expect(events).toEqual([
      {
        id: `k8s/${(deployment.metadata as { uid: string }).uid}/2/changed`,
        name: 'k8s.workload.changed',
        at: '2026-11-25T01:59:58.000Z',
        severity: 'warning',
        entity: { type: 'k8s.deployment', id: 'scene/web' },
        body: 'Deployment scene/web was changed by helm: app: shop/web:1.7.0 → shop/web:2',
        attributes: {
          'k8s.namespace.name': 'scene',
          'k8s.workload.kind': 'Deployment',
          'k8s.workload.name': 'web',
          'k8s.workload.generation': 2,
          'k8s.helm.release': 'shop',
          'k8s.helm.chart': 'shop-1.2.3',
          'change.by': 'helm',
          'change.operation': 'Apply',
          'change.fields': ['image'],
          'change.images': ['app: shop/web:1.7.0 → shop/web:2'],
        },
      },
    ])
  })

  test('is reported as scaled and changed if both happen at once', () => {
    const { cluster, events } = scene(deployment)
    change(cluster, ['spec'], { ...(deployment.spec as object), replicas: 0, paused: true })
    expect(events).toMatchObject([
      { name: 'k8s.workload.changed', attributes: { 'change.settings': ['paused: false → true'] } },
      { name: 'k8s.workload.scaled', severity: 'warning', body: 'Deployment scene/web was scaled by helm: 3 → 0' },
    ])
  })

  test('is reported without values when its variables and configuration change', () => {
    const { cluster, events } = scene(deployment)
    const template = withChange(
      (deployment.spec as { template: unknown }).template,
      ['metadata', 'annotations', 'checksum/config'],
      'canary',
    )
    change(cluster, ['spec', 'template'], withChange(template, ['spec', 'containers', 0, 'env', 0, 'value'], 'canary'))
    expect(events[0]?.body).toBe(
      'Deployment scene/web was changed by helm: app: variable DB_PASSWORD changed; another configuration (checksum/config)',
    )
    expect(JSON.stringify(events)).not.toMatch(/canary|#\d/)
  })

  test('is reported with both authors if its autoscaler scales it meanwhile', () => {
    const { cluster, events } = scene(deployment)
    const target = (name: string) => ({ scaleTargetRef: { kind: 'Deployment', name } })
    for (const name of ['other', 'web'])
      cluster.put('horizontalPodAutoscalers', {
        metadata: { name: `hpa-of-${name}`, uid: name, namespace: 'scene' },
        spec: target(name),
      })
    const writers = [
      { manager: 'helm', operation: 'Update', time: '2026-11-25T01:59:50Z', fieldsV1: { 'f:spec': {} } },
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        subresource: 'scale',
        time: '2026-11-25T01:59:58Z',
        fieldsV1: { 'f:spec': {} },
      },
    ]
    const spec = { ...(deployment.spec as object), replicas: 9, paused: true }
    const metadata = { ...(deployment.metadata as object), generation: 3, managedFields: writers }
    cluster.put('deployments', { ...deployment, spec, metadata })
    cluster.put('events', rescaled('web', 9, 'cpu resource utilization (percentage of request) above target'))
    expect(events.map(({ name, attributes }) => [name, attributes['change.by']])).toEqual([
      ['k8s.workload.changed', 'helm'],
      ['k8s.workload.scaled', 'kube-controller-manager'],
    ])
    expect(events[1]).toMatchObject({
      body: 'Deployment scene/web was scaled by kube-controller-manager for HorizontalPodAutoscaler hpa-of-web: 3 → 9; cpu resource utilization (percentage of request) above target',
      attributes: { 'k8s.hpa.name': 'hpa-of-web' },
    })
  })

  describe('with an autoscaler, on a server that does not record who scales', () => {
    const autoscaler = {
      metadata: { name: 'hpa-of-web', uid: 'web', namespace: 'scene' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, minReplicas: 3 },
      status: { desiredReplicas: 1 },
    }
    const sceneOf = (replicas: number) => {
      let current = withChange(
        withChange(deployment, ['spec', 'replicas'], replicas),
        ['metadata', 'managedFields'],
        [],
      )
      const made = scene(current)
      made.cluster.put('horizontalPodAutoscalers', autoscaler)
      let generation = 1
      const scale = (to: number): void => {
        generation += 1
        current = withChange(withChange(current, ['spec', 'replicas'], to), ['metadata', 'generation'], generation)
        made.cluster.put('deployments', current)
      }
      return { ...made, scale, bodies: () => made.events.map(({ body }) => body) }
    }
    const below = 'Current number of replicas below Spec.MinReplicas'

    test('is reported with the reason of the autoscaler, and without it if a person scales it', () => {
      const { cluster, events, scale, bodies } = sceneOf(1)
      scale(3)
      vi.advanceTimersByTime(100)
      cluster.put('events', rescaled('web', 3, below))
      expect(bodies()).toEqual([
        `Deployment scene/web was scaled by HorizontalPodAutoscaler hpa-of-web: 1 → 3; ${below}`,
      ])
      expect(events[0]).toMatchObject({ attributes: { 'k8s.hpa.name': 'hpa-of-web', 'k8s.hpa.reason': below } })
      scale(4)
      vi.advanceTimersByTime(2_000)
      expect(bodies().slice(1)).toEqual(['Deployment scene/web was scaled: 3 → 4'])
      expect(events[1]?.attributes).not.toHaveProperty('k8s.hpa.name')
    })

    test('is attributed to the autoscaler whose event arrives first', () => {
      const { cluster, scale, bodies } = sceneOf(9)
      cluster.put('events', rescaled('web', 5, 'All metrics below target'))
      scale(5)
      expect(bodies()).toEqual([
        'Deployment scene/web was scaled by HorizontalPodAutoscaler hpa-of-web: 9 → 5; All metrics below target',
      ])
    })

    test('is attributed to the autoscaler by its status if the event is missing', () => {
      const { cluster, scale, bodies } = sceneOf(1)
      scale(3)
      const status = { desiredReplicas: 3, lastScaleTime: '2026-11-25T01:59:59Z' }
      cluster.put('horizontalPodAutoscalers', { ...autoscaler, status })
      vi.advanceTimersByTime(2_000)
      expect(bodies()).toEqual(['Deployment scene/web was scaled by HorizontalPodAutoscaler hpa-of-web: 1 → 3'])
    })

    test('is not attributed to an event of before, or of another autoscaler', () => {
      const { cluster, scale, bodies } = sceneOf(1)
      cluster.put('events', rescaled('web', 3, below))
      cluster.put('events', rescaled('other', 2, below))
      vi.advanceTimersByTime(60_000)
      scale(3)
      cluster.put('events', rescaled('other', 3, below))
      scale(2)
      vi.advanceTimersByTime(2_000)
      expect(bodies()).toEqual(['Deployment scene/web was scaled: 1 → 3', 'Deployment scene/web was scaled: 3 → 2'])
    })
  })

  test('is reported once when it is deleted, with or without finalizers', () => {
    const { cluster, events } = scene(deployment, named('lingering'))
    // Deleted during a gap in the watch: its last version is unknown.
    cluster.remove('deployments', { metadata: { uid: (deployment.metadata as { uid: string }).uid } })
    const lingering = withChange(named('lingering'), ['metadata', 'deletionTimestamp'], '2026-11-25T01:59:00Z')
    cluster.put('deployments', lingering)
    cluster.remove('deployments', lingering)
    expect(events).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(events).toMatchObject([
      { name: 'k8s.workload.deleted', entity: { id: 'scene/web' } },
      { name: 'k8s.workload.deleted', entity: { id: 'scene/lingering' }, at: '2026-11-25T01:59:00.000Z' },
    ])
  })

  test('is reported with the differences if another one takes its place at once', () => {
    const { cluster, events } = scene(deployment)
    cluster.remove('deployments', deployment)
    const image = ['spec', 'template', 'spec', 'containers', 0, 'image']
    const other = withChange(withChange(named('web'), image, 'shop/web:2'), ['spec', 'replicas'], 1)
    cluster.put('deployments', other)
    vi.advanceTimersByTime(60_000)
    expect(events).toMatchObject([
      {
        name: 'k8s.workload.changed',
        id: 'k8s/uid-web/replaced',
        body: 'Deployment scene/web was deleted and replaced by kubectl-client-side-apply: app: shop/web:1.7.0 → shop/web:2; replicas: 3 → 1',
        attributes: { 'change.images': ['app: shop/web:1.7.0 → shop/web:2'] },
      },
    ])
    cluster.remove('deployments', other)
    cluster.put('deployments', withChange(other, ['metadata', 'uid'], 'same'))
    vi.advanceTimersByTime(60_000)
    expect(events[1]?.body).toBe('Deployment scene/web was deleted and replaced by kubectl-client-side-apply')
  })

  test('is not reported when its namespace is deleted, even if that is seen later', () => {
    const { cluster, events } = scene(deployment, named('other'))
    cluster.remove('deployments', deployment)
    cluster.put('namespaces', withChange(namespace, ['status', 'phase'], 'Terminating'))
    cluster.remove('namespaces', namespace)
    cluster.remove('deployments', named('other'))
    vi.advanceTimersByTime(60_000)
    expect(events).toEqual([])
  })
})

describe('a chart of many workloads', () => {
  test('is reported by ten deletions and a summary of the others', () => {
    const all = Array.from({ length: 40 }, (_, index) => named(`web-${index}`))
    const { cluster, events } = scene(...all)
    for (const one of all) cluster.remove('deployments', one)
    vi.advanceTimersByTime(10_000)
    expect(events.map(({ name }) => name)).toEqual([
      ...Array.from({ length: 10 }, () => 'k8s.workload.deleted'),
      'k8s.namespace.many_changes',
    ])
    expect(events.at(-1)).toMatchObject({
      severity: 'warning',
      entity: { type: 'k8s.namespace', id: 'scene' },
      body: '30 more objects of namespace scene were deleted: Deployment/web-10, Deployment/web-11, Deployment/web-12, Deployment/web-13, Deployment/web-14, …',
      attributes: { 'change.event': 'k8s.workload.deleted', 'change.count': 30 },
    })
  })

  test('starts a new burst after a quiet time', () => {
    const { cluster, events } = scene()
    for (let index = 0; index < 11; index += 1) cluster.put('deployments', named(`web-${index}`))
    vi.advanceTimersByTime(20_000)
    // A single event needs no summary.
    expect(events).toHaveLength(11)
    expect(new Set(events.map(({ name }) => name))).toEqual(new Set(['k8s.workload.created']))
  })

  test('is not reported after the watcher has ended', async () => {
    const { cluster, events, stop } = scene(deployment)
    cluster.remove('deployments', deployment)
    await stop()
    vi.advanceTimersByTime(10_000)
    expect(events).toEqual([])
  })
})

describe('other workloads', () => {
  test('a changed CronJob has its version in its id, because it has no generation', () => {
    const { cluster, events } = scene()
    cluster.put('cronJobs', cronJob)
    cluster.put('cronJobs', withChange(cronJob, ['status', 'lastScheduleTime'], '2026-11-25T01:00:00Z'))
    cluster.put('cronJobs', withChange(cronJob, ['spec', 'schedule'], '0 4 * * *'))
    expect(events).toMatchObject([
      { name: 'k8s.workload.created', entity: { type: 'k8s.cronjob' } },
      {
        name: 'k8s.workload.changed',
        id: expect.stringMatching(/\/5\/changed$/),
        body: 'CronJob scene/nightly was changed by kubectl-client-side-apply: schedule: 0 3 * * * → 0 4 * * *',
      },
    ])
  })

  test('Jobs and ReplicaSets are reported only without an owner', () => {
    const { cluster, events } = scene()
    const owner = { kind: 'CronJob', name: 'nightly', uid: 'c', controller: true }
    const job = captured('job')
    cluster.put('jobs', withChange(named('run', job), ['metadata', 'ownerReferences'], [owner]))
    cluster.put('jobs', job)
    // Foreground deletion, as of a Job with a time to live, is a change first.
    cluster.put('jobs', withChange(job, ['metadata', 'deletionTimestamp'], '2026-11-25T02:00:00Z'))
    cluster.remove('jobs', job)
    const set = { metadata: { name: 'alone', namespace: 'scene', uid: 'r' }, spec: { replicas: 2 } }
    cluster.put('replicaSets', set)
    cluster.put('replicaSets', withChange(set, ['spec', 'replicas'], 1))
    vi.advanceTimersByTime(10_000)
    expect(events.map(({ body }) => body)).toEqual([
      'Job scene/import was created',
      'ReplicaSet scene/alone was created',
      'ReplicaSet scene/alone was scaled: 2 → 1',
    ])
  })

  test('a DaemonSet has no desired pods in its events', () => {
    const { cluster, events } = scene()
    const set = captured('daemon-set')
    cluster.put('daemonSets', set)
    cluster.put('daemonSets', withChange(set, ['status', 'desiredNumberScheduled'], 9))
    expect(events.map(({ name }) => name)).toEqual(['k8s.workload.created'])
  })
})
