import type { Event } from '@rca/core/connector'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Path, withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { rollouts } from './rollouts.ts'

const deployment = captured('deployment')
const { uid } = deployment.metadata as { readonly uid: string }
const done = {
  observedGeneration: 1,
  replicas: 3,
  updatedReplicas: 3,
  readyReplicas: 3,
  availableReplicas: 3,
  conditions: [],
}
const healthy = withChange(deployment, ['status'], done)
const later = new Date('2026-11-25T02:00:00Z')

function changed(...changes: readonly (readonly [path: Path, value: unknown])[]): typeof deployment {
  return changes.reduce((object, [path, value]) => withChange(object, path, value), healthy)
}

/** Another image is wanted. */
const wanted = [
  [['metadata', 'generation'], 2],
  [['spec', 'template', 'spec', 'containers', 0, 'image'], 'shop/web:2'],
] as const

function scene(object: object, now = later) {
  const cluster = followedCluster()
  cluster.put('deployments', object)
  cluster.listed()
  return { cluster, ...watchDeclared(cluster, rollouts, () => now) }
}

describe('a rollout', () => {
  test('is complete once, when all pods are new and available and no old one is left', () => {
    const { cluster, events } = scene(healthy)
    cluster.put('deployments', changed(...wanted))
    cluster.put('deployments', changed(...wanted, [['status'], { ...done, observedGeneration: 2, updatedReplicas: 1 }]))
    cluster.put('deployments', changed(...wanted, [['status'], { ...done, observedGeneration: 2, replicas: 4 }]))
    expect(events).toEqual([])
    const complete = { ...done, observedGeneration: 2 }
    cluster.put('deployments', changed(...wanted, [['status'], complete]))
    cluster.put('deployments', changed(...wanted, [['status'], { ...complete, availableReplicas: 2 }]))
    cluster.put('deployments', changed(...wanted, [['status'], complete]))
    expect(events).toMatchObject([
      {
        id: `k8s/${uid}/2/rolled-out`,
        name: 'k8s.workload.rollout_completed',
        body: 'The rollout of Deployment scene/web is complete: 3 pods are available',
        attributes: {
          'k8s.workload.replicas.available': 3,
          'k8s.workload.generation': 2,
          'step.change_id': `k8s/${uid}/2/changed`,
        },
      },
    ])
  })

  test.each([
    ['a restart', ['annotations', 'kubectl.kubernetes.io/restartedAt'], '2026-11-25T01:59:00Z'],
    ['a configuration, known by its checksum', ['annotations', 'checksum/config'], 'b'],
    ["another chart's label", ['labels', 'helm.sh/chart'], 'web-2.0.0'],
  ] as const)('is reported for %s, which replaces pods too', (_what, path, value) => {
    const { cluster, events } = scene(healthy)
    const next = [
      [['metadata', 'generation'], 2],
      [['spec', 'template', 'metadata', ...path], value],
    ] as const
    cluster.put('deployments', changed(...next))
    cluster.put('deployments', changed(...next, [['status'], { ...done, observedGeneration: 2, updatedReplicas: 1 }]))
    cluster.put('deployments', changed(...next, [['status'], { ...done, observedGeneration: 2 }]))
    expect(events).toMatchObject([{ id: `k8s/${uid}/2/rolled-out` }])
  })

  test('that began before the agent is reported when it is complete; scaling is not a rollout', () => {
    const { cluster, events } = scene(changed([['status', 'updatedReplicas'], 1]))
    cluster.put('deployments', healthy)
    expect(events).toMatchObject([{ id: `k8s/${uid}/1/rolled-out` }])
    cluster.put('deployments', changed([['metadata', 'generation'], 2], [['spec', 'replicas'], 2]))
    cluster.put('deployments', changed([['metadata', 'generation'], 2], [['status', 'observedGeneration'], 2]))
    expect(events).toHaveLength(1)
  })
})

describe('a stuck rollout', () => {
  const since = '2026-11-25T01:59:00Z'
  const stuck = {
    ...done,
    updatedReplicas: 1,
    conditions: [
      {
        type: 'Progressing',
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        message: 'token=canary-message has timed out',
        lastTransitionTime: since,
      },
    ],
  }
  const owner = (kind: string, of: string) => [{ kind, name: 'web', uid: of, controller: true }]
  const replicaSet = (id: string, revision: string) => ({
    metadata: {
      name: id,
      uid: id,
      namespace: 'scene',
      creationTimestamp: since,
      ownerReferences: owner('Deployment', uid),
      annotations: { 'deployment.kubernetes.io/revision': revision },
    },
  })
  const pod = (id: string, of: string, status: object) => ({
    metadata: { name: id, uid: id, namespace: 'scene', ownerReferences: owner('ReplicaSet', of) },
    spec: { containers: [{ name: 'app', image: 'shop/web:2' }] },
    status,
  })
  const waiting = (reason: string) => ({
    phase: 'Pending',
    containerStatuses: [
      { name: 'app', ready: false, state: { waiting: { reason, message: 'password=canary-pull denied' } } },
    ],
  })

  test('is reported once with the waits of its newest pods, without secrets', () => {
    const { cluster, events } = scene(healthy)
    cluster.put('replicaSets', replicaSet('old', '3'))
    cluster.put('replicaSets', replicaSet('new', '4'))
    cluster.put('pods', pod('a', 'new', waiting('ImagePullBackOff')))
    cluster.put('pods', pod('b', 'new', waiting('ImagePullBackOff')))
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }
    cluster.put('pods', pod('c', 'new', { phase: 'Pending', conditions: [unscheduled] }))
    cluster.put('pods', pod('d', 'old', waiting('CrashLoopBackOff')))
    cluster.put('deployments', changed([['status'], stuck]))
    cluster.put('deployments', changed([['status'], { ...stuck, readyReplicas: 2 }]))
    expect(events).toMatchObject([
      {
        id: `k8s/${uid}/${since}/rollout-stuck`,
        at: '2026-11-25T01:59:00.000Z',
        severity: 'error',
        body: 'The rollout of Deployment scene/web is stuck: 1 of 3 pods are new, ImagePullBackOff',
        attributes: {
          'k8s.workload.pods.waiting': ['ImagePullBackOff: 2', 'Unschedulable: 1'],
          'k8s.workload.replicas.updated': 1,
          'k8s.workload.message': expect.stringContaining('has timed out'),
        },
      },
    ])
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is not a step of its change when it is complete', () => {
    const { cluster, events } = scene(healthy)
    cluster.put('deployments', changed(...wanted, [['status'], { ...stuck, observedGeneration: 2 }]))
    cluster.put('deployments', changed(...wanted, [['status'], { ...done, observedGeneration: 2 }]))
    expect(events.map(({ name }) => name)).toEqual(['k8s.workload.rollout_stuck', 'k8s.workload.rollout_completed'])
    expect(events[1]?.attributes).not.toHaveProperty(['step.change_id'])
  })

  test('does not contain output of containers and hooks', () => {
    const { cluster, events } = scene(healthy)
    cluster.put('replicaSets', replicaSet('new', '4'))
    const terminated = { exitCode: 1, reason: 'Error', message: 'cannot log in as shop with canary' }
    const hook = "command 'sh -c canary' exited with 1: canary"
    const states = [{ terminated }, { terminated }, { waiting: { reason: 'PostStartHookError', message: hook } }]
    for (const [index, state] of states.entries())
      cluster.put(
        'pods',
        pod(`${index}`, 'new', { phase: 'Running', containerStatuses: [{ name: 'app', ready: false, state }] }),
      )
    cluster.put('deployments', changed([['status'], stuck]))
    cluster.remove('pods', pod('0', 'new', {}))
    cluster.remove('pods', pod('1', 'new', {}))
    const again = withChange(stuck, ['conditions', 0, 'lastTransitionTime'], '2026-11-25T01:59:30Z')
    cluster.put('deployments', changed([['status'], again]))
    expect(events.map(({ attributes }) => attributes['k8s.workload.pods.waiting'])).toEqual([
      ['Error: 2', 'PostStartHookError: 1'],
      ['PostStartHookError: 1'],
    ])
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is reported at the start of the agent if it became stuck recently', async () => {
    const recent = scene(changed([['status'], stuck]))
    const old = scene(changed([['status'], stuck]), new Date('2026-11-25T03:00:00Z'))
    await expect.poll(() => recent.events.length).toBe(1)
    expect(old.events).toEqual([])
  })

  test('is reported with the reason if pods cannot be created at all', () => {
    const { cluster, events } = scene(healthy)
    const failure = {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'exceeded quota: compute',
    }
    cluster.put('deployments', changed([['status'], { ...stuck, conditions: [...stuck.conditions, failure] }]))
    expect(events[0]).toMatchObject({
      body: 'The rollout of Deployment scene/web is stuck: 1 of 3 pods are new, FailedCreate',
      attributes: { 'k8s.workload.replica_failure': 'exceeded quota: compute' },
    })
  })
})

describe('a rollout of a StatefulSet, whose controller reports no deadline', () => {
  const set = captured('stateful-set')
  const id = (set.metadata as { readonly uid: string }).uid
  const status = (updatedReplicas: number, availableReplicas = 2) => ({
    observedGeneration: 2,
    replicas: 3,
    updatedReplicas,
    availableReplicas,
    readyReplicas: availableReplicas,
    updateRevision: 'new',
  })
  const rolled = (next: object, spec: object = {}) => {
    const template = withChange((set.spec as { readonly template: object }).template, ['metadata', 'labels', 'v'], '2')
    return {
      ...set,
      metadata: { ...(set.metadata as object), generation: 2 },
      spec: { ...(set.spec as object), replicas: 3, template, ...spec },
      status: next,
    }
  }
  const crashing = (revision: string) => ({
    metadata: {
      name: 'db-2',
      uid: 'db-2',
      namespace: 'scene',
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ kind: 'StatefulSet', name: 'db', uid: id, controller: true }],
    },
    spec: { containers: [{ name: 'app' }] },
    status: {
      containerStatuses: [{ name: 'app', ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
    },
  })
  const begin = (spec: object = {}, pod: object = crashing('new')) => {
    vi.useFakeTimers({ now: later })
    onTestFinished(() => void vi.useRealTimers())
    const cluster = followedCluster()
    cluster.put('statefulSets', set)
    cluster.put('pods', pod)
    cluster.listed()
    const { events } = watchDeclared(cluster, rollouts, () => new Date())
    cluster.put('statefulSets', rolled(status(0), spec))
    return { cluster, put: (next: object) => cluster.put('statefulSets', rolled(next, spec)), events }
  }
  const stuckOnes = (events: readonly Event[]) => events.filter(({ name }) => name === 'k8s.workload.rollout_stuck')

  test('is reported after ten minutes without progress; pods that come and go make none', () => {
    const { put, events } = begin()
    vi.advanceTimersByTime(300_000)
    put(status(1))
    for (let turn = 0; turn < 9; turn += 1) {
      vi.advanceTimersByTime(60_000)
      put(status(1, turn % 2))
    }
    expect(stuckOnes(events)).toEqual([])
    vi.advanceTimersByTime(3_600_000)
    put(status(2))
    vi.advanceTimersByTime(3_600_000)
    expect(stuckOnes(events)).toMatchObject([
      {
        id: `k8s/${id}/2/rollout-stuck`,
        body: expect.stringMatching(
          /^The rollout of StatefulSet scene\/\w+ is stuck: 1 of 3 pods are new, CrashLoopBackOff$/,
        ),
        attributes: { 'k8s.workload.pods.waiting': ['CrashLoopBackOff: 1'] },
      },
    ])
  })

  test.each<[string, object, object]>([
    ['somebody has to delete its pods', { updateStrategy: { type: 'OnDelete' } }, crashing('new')],
    ['some pods are to stay as they are', { updateStrategy: { rollingUpdate: { partition: 2 } } }, crashing('new')],
    ['no new pod is in trouble', {}, crashing('old')],
  ])('is not reported if %s', (_why, spec, pod) => {
    const { events } = begin(spec, pod)
    vi.advanceTimersByTime(3_600_000)
    expect(stuckOnes(events)).toEqual([])
  })

  test('is not reported once it is complete', () => {
    const { put, events } = begin()
    put(status(3, 3))
    vi.advanceTimersByTime(3_600_000)
    expect(events.map(({ name }) => name)).toEqual(['k8s.workload.rollout_completed'])
  })
})

describe('a workload without available pods', () => {
  const available = (count: number) => changed([['status', 'availableReplicas'], count])

  test('is reported, and so is its recovery', () => {
    const { cluster, events } = scene(healthy)
    for (const count of [2, 0, 0, 1, 3]) cluster.put('deployments', available(count))
    expect(events.map(({ name, body }) => [name, body])).toEqual([
      ['k8s.workload.unavailable', 'Deployment scene/web has lost its last available pod, of 3'],
      ['k8s.workload.available', 'Deployment scene/web is available again: 1 of 3'],
    ])
    expect(new Set(events.map(({ id }) => id)).size).toBe(2)
  })

  test('is not reported while its namespace is being deleted', () => {
    const { cluster, events } = scene(healthy)
    cluster.put('namespaces', withChange(captured('namespace'), ['status', 'phase'], 'Terminating'))
    cluster.put('deployments', available(0))
    expect(events).toEqual([])
  })

  test('is sampled', () => {
    const { cluster, events } = scene(healthy)
    for (let index = 0; index < 12; index += 1) for (const count of [0, 3]) cluster.put('deployments', available(count))
    expect(events).toHaveLength(10)
    expect(events[8]).toMatchObject({ attributes: { 'change.count': 10 }, body: expect.stringContaining('(10 times)') })
  })

  test('has its recovery reported if it was unavailable before the agent started', () => {
    const { cluster, events } = scene(available(0))
    cluster.put('deployments', available(1))
    expect(events).toMatchObject([{ name: 'k8s.workload.available' }])
    const other = scene(healthy)
    other.cluster.put('deployments', changed([['spec', 'replicas'], 0], [['status', 'availableReplicas'], 0]))
    expect(other.events).toEqual([])
  })
})
