import { describe, expect, test } from 'vitest'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { at, podOf, replicaSet, report, START, status } from '../../../test/pods.ts'
import type { KubernetesApi } from '../../api/kubernetes-api.ts'
import { clusterWarnings } from './cluster-events.ts'

/** Watches a cluster with the pod `web-1-a`. */
function scene(pod: object = podOf(status(0, { running: {} })), api: Partial<KubernetesApi> = {}) {
  const cluster = followedCluster(api)
  cluster.put('replicaSets', replicaSet)
  cluster.put('pods', pod)
  cluster.listed()
  return { ...cluster, ...cluster.watch(clusterWarnings) }
}

/** Returns the events for one report. */
function eventsFor(raw: object) {
  const { put, events } = scene()
  put('events', raw)
  return events
}

const aboutContainer = (name = 'app') => ({
  involvedObject: {
    kind: 'Pod',
    namespace: 'shop',
    name: 'web-1-a',
    uid: 'pod-a',
    fieldPath: `spec.containers{${name}}`,
  },
})

const aboutReplicaSet = { involvedObject: { kind: 'ReplicaSet', namespace: 'shop', name: 'web-1', uid: 'rs-1' } }

describe('a warning of a component', () => {
  test('is reported with the object that it is about', () => {
    const events = eventsFor(
      report('FailedScheduling', '0/3 nodes are available: 3 Insufficient cpu.', {
        source: { component: 'default-scheduler' },
      }),
    )
    expect(events).toEqual([
      {
        name: 'k8s.pod.scheduling_failed',
        id: 'pod-a/scheduling_failed',
        at: '2026-11-25T10:00:00.000Z',
        severity: 'warning',
        entity: { type: 'k8s.pod', id: 'pod-a' },
        body: 'No node can take pod shop/web-1-a: 0/3 nodes are available: 3 Insufficient cpu.',
        attributes: {
          'k8s.namespace.name': 'shop',
          'k8s.pod.name': 'web-1-a',
          'k8s.pod.uid': 'pod-a',
          'k8s.node.name': 'node-1',
          'k8s.workload.kind': 'Deployment',
          'k8s.workload.name': 'web',
          'k8s.event.reason': 'FailedScheduling',
          'k8s.event.component': 'default-scheduler',
          'k8s.event.message': '0/3 nodes are available: 3 Insufficient cpu.',
          'k8s.event.count': 1,
          'k8s.event.first_at': '2026-11-25T10:00:00Z',
        },
      },
    ])
  })

  test.each(['Liveness', 'Readiness', 'Startup'])('reports a failed %s probe', (probe) => {
    const [event] = eventsFor(
      report('Unhealthy', `${probe} probe failed: HTTP probe failed with statuscode: 500`, aboutContainer()),
    )
    expect(event).toMatchObject({
      name: 'k8s.container.unhealthy',
      entity: { type: 'k8s.container', id: 'pod-a/app' },
      body: `A ${probe.toLowerCase()} probe of container app of pod shop/web-1-a failed: ${probe} probe failed: HTTP probe failed with statuscode: 500`,
      attributes: {
        'k8s.container.probe.kind': probe.toLowerCase(),
        'k8s.container.name': 'app',
        'container.image.name': 'shop/web:1',
      },
    })
  })

  test('contains the output of a probe’s command without the secrets of the container', async () => {
    const pod = podOf(status(0, { running: {} }))
    const answers = [
      async () => pod,
      async () => ({ ...pod, metadata: { ...pod.metadata, uid: 'other' } }),
      async () => {
        throw new Error('no')
      },
    ]
    for (const [index, get] of answers.entries()) {
      const { put, events } = scene(pod, { get })
      put('events', report('Unhealthy', 'Liveness probe failed: canary-of-the-shop is wrong', aboutContainer()))
      await expect.poll(() => events).toHaveLength(1)
      expect(JSON.stringify(events)).not.toContain('canary')
      expect(events[0]?.attributes).toMatchObject(
        index === 0
          ? { 'k8s.event.message': 'Liveness probe failed: [redacted] is wrong' }
          : { 'k8s.event.message_missing': 'its secrets are unknown: the pod cannot be read' },
      )
    }
  })

  test('is not reported for probes of a pod that is being deleted', () => {
    const { put, events } = scene(podOf(status(0, { running: {} }), { metadata: { deletionTimestamp: at(30) } }))
    put('events', report('Unhealthy', 'Readiness probe failed: it stops', aboutContainer()))
    expect(events).toEqual([])
  })

  test.each([
    [
      'Error creating: pods "web-1-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10',
      { name: 'compute', requested: ['pods=1'], used: ['pods=10'], limited: ['pods=10'] },
    ],
    [
      'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: team.quota-1, requested: limits.cpu=2,requests.memory=1Gi, used: limits.cpu=9,requests.memory=7Gi, limited: limits.cpu=10,requests.memory=8Gi',
      {
        name: 'team.quota-1',
        requested: ['limits.cpu=2', 'requests.memory=1Gi'],
        used: ['limits.cpu=9', 'requests.memory=7Gi'],
        limited: ['limits.cpu=10', 'requests.memory=8Gi'],
      },
    ],
  ])('names the quota that is used up: %s', (message, { name, requested, used, limited }) => {
    const [event] = eventsFor(report('FailedCreate', message, aboutReplicaSet))
    expect(event).toMatchObject({
      name: 'k8s.quota.exceeded',
      severity: 'error',
      entity: { type: 'k8s.resourcequota', id: `shop/${name}` },
      attributes: {
        'k8s.workload.kind': 'Deployment',
        'k8s.workload.name': 'web',
        'k8s.resourcequota.name': name,
        'k8s.quota.requested': requested,
        'k8s.quota.used': used,
        'k8s.quota.limited': limited,
      },
    })
  })

  test('names the resource that a quota refuses: pods, claims', () => {
    const about = {
      involvedObject: { kind: 'StatefulSet', apiVersion: 'apps/v1', namespace: 'shop', name: 'db', uid: 'db' },
    }
    const limits = 'requested: requests.storage=1Gi, used: requests.storage=9Gi, limited: requests.storage=9Gi'
    const claim = `create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: persistentvolumeclaims "data-db-0" is forbidden: exceeded quota: storage, ${limits}`
    const pod =
      'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10'
    const { put, events } = scene()
    put('events', report('FailedCreate', claim, about))
    put('events', {
      ...report('FailedCreate', pod, about),
      metadata: { name: 'db.2', namespace: 'shop', uid: 'event-2' },
    })
    expect(events).toMatchObject([
      {
        body: `Quota shop/storage refuses claims of StatefulSet db: ${claim}`,
        attributes: { 'k8s.quota.refused': 'persistentvolumeclaims', 'k8s.workload.name': 'db' },
      },
      {
        body: `Quota shop/compute refuses pods of StatefulSet db: ${pod}`,
        attributes: { 'k8s.quota.refused': 'pods', 'k8s.workload.name': 'db' },
      },
    ])
  })

  test('names the jobs that a quota refuses to a CronJob', () => {
    const message =
      'Error creating job: jobs.batch "night-1" is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1, used: count/jobs.batch=5, limited: count/jobs.batch=5'
    const about = {
      involvedObject: { kind: 'CronJob', apiVersion: 'batch/v1', namespace: 'shop', name: 'night', uid: 'n' },
    }
    expect(eventsFor(report('FailedCreate', message, about))).toMatchObject([
      { name: 'k8s.quota.exceeded', body: `Quota shop/jobs refuses jobs of CronJob night: ${message}` },
    ])
  })

  test.each([
    'Error creating: pods "web-1-x" is forbidden: failed quota: compute: must specify limits.cpu,limits.memory',
    'Error creating: pods "web-1-x" is forbidden: [maximum cpu usage per Container is 2, but limit is 4]',
    'Error creating: admission webhook "policy.example.com" denied the request: no',
    'Error creating: pods "web-1-x" is forbidden: violates PodSecurity "restricted:latest"',
  ])('reports pods that are refused for another reason: %s', (message) => {
    const [event] = eventsFor(report('FailedCreate', message, aboutReplicaSet))
    expect(event).toMatchObject({
      name: 'k8s.workload.pods_refused',
      entity: { type: 'k8s.replicaset', id: 'shop/web-1' },
      body: `ReplicaSet shop/web-1 cannot create pods: ${message}`,
      attributes: { 'k8s.workload.kind': 'Deployment', 'k8s.workload.name': 'web' },
    })
  })

  test.each([
    ['FailedMount', {}, { type: 'k8s.pod', id: 'pod-a' }],
    ['FailedAttachVolume', {}, { type: 'k8s.pod', id: 'pod-a' }],
    [
      'ProvisioningFailed',
      { involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data', uid: 'c' } },
      { type: 'k8s.persistentvolumeclaim', id: 'shop/data' },
    ],
  ])('reports a problem of a volume: %s', (reason, about, entity) => {
    expect(eventsFor(report(reason, 'it is not there', about))).toMatchObject([
      { name: 'k8s.volume.mount_failed', entity },
    ])
  })

  test('with any other reason is reported about the nearest entity', () => {
    const about = (kind: string, namespace: string, uid?: string) => ({
      involvedObject: { kind, namespace, name: 'x', uid },
    })
    const { put, events } = scene()
    put(
      'events',
      report('SystemOOM', 'System OOM encountered', {
        ...about('Node', 'default', 'x'),
        source: { component: 'kubelet', host: 'x' },
      }),
    )
    put('events', report('OrderFailed', 'no', about('Certificate', 'shop', 'c')))
    put('events', report('ClusterFailed', 'no', about('Thing', '', 't')))
    put('events', report('FailedPreStopHook', 'it failed', aboutContainer()))
    expect(events.map(({ name, entity, body }) => [name, `${entity.type} ${entity.id}`, body])).toEqual([
      ['k8s.event', 'k8s.node x', 'SystemOOM of Node x: System OOM encountered'],
      ['k8s.event', 'k8s.namespace shop', 'OrderFailed of Certificate shop/x: no'],
      ['k8s.event', 'k8s.cluster cluster-1', 'ClusterFailed of Thing x: no'],
      ['k8s.event', 'k8s.container pod-a/app', 'FailedPreStopHook of Pod shop/web-1-a: it failed'],
    ])
  })

  describe('about an OOM kill, which a kubelet that starts again repeats from the log of the kernel', () => {
    const kill = (pid: number, uid: string, seconds = 0, node = 'node-1') =>
      report('SystemOOM', `System OOM encountered, victim process: tail, pid: ${pid}`, {
        metadata: { name: uid, uid, namespace: 'default', creationTimestamp: at(Math.max(0, seconds)) },
        involvedObject: { kind: 'Node', name: node, uid: node },
        firstTimestamp: at(seconds),
        lastTimestamp: at(seconds),
      })

    test('is reported once for each process', () => {
      const { put, events } = scene()
      for (const one of [kill(1, 'a'), kill(2, 'b'), kill(1, 'c', 5), kill(2, 'd', 5), kill(1, 'e', 5, 'node-2')])
        put('events', one)
      expect(events.map(({ attributes }) => attributes['k8s.event.message'])).toEqual([
        'System OOM encountered, victim process: tail, pid: 1',
        'System OOM encountered, victim process: tail, pid: 2',
        'System OOM encountered, victim process: tail, pid: 1',
      ])
    })

    test('is not reported when it happened long ago', () => {
      const { put, events } = scene()
      put('events', kill(3, 'f', -7200))
      expect(events).toEqual([])
    })

    test('is not reported again when the first report is from before the start of the agent', () => {
      const cluster = followedCluster()
      cluster.put('events', kill(4, 'g', -1800))
      cluster.listed()
      const { events } = cluster.watch(clusterWarnings)
      cluster.put('events', kill(4, 'h'))
      cluster.put('events', kill(5, 'i'))
      expect(events.map(({ attributes }) => attributes['k8s.event.message'])).toEqual([
        'System OOM encountered, victim process: tail, pid: 5',
      ])
    })
  })

  test('contains no secrets', () => {
    for (const reason of ['FailedMount', 'FailedScheduling', 'FailedCreate', 'Evicted', 'Other']) {
      const events = eventsFor(report(reason, 'of https://user:canary-a@h and --token canary-b'))
      expect(JSON.stringify(events)).toContain('[redacted]')
      expect(JSON.stringify(events)).not.toContain('canary')
    }
  })

  test.each([
    ['BackOff', {}],
    ['Failed', {}],
    ['NodeNotReady', {}],
    ['NodeNotReady', { involvedObject: { kind: 'Node', name: 'node-1', uid: 'node-1' } }],
    ['Rebooted', { involvedObject: { kind: 'Node', name: 'node-1', uid: 'node-1' } }],
    ['BackoffLimitExceeded', { involvedObject: { kind: 'Job', namespace: 'shop', name: 'import', uid: 'j' } }],
    ['FailedGetResourceMetric', { involvedObject: { kind: 'HorizontalPodAutoscaler', name: 'web', uid: 'h' } }],
    ['ClaimLost', { involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data', uid: 'c' } }],
    ['ScalingReplicaSet', { type: 'Normal' }],
    [
      'FailedToUpdateEndpoint',
      {
        involvedObject: { kind: 'Endpoints', namespace: 'shop', name: 'web', uid: 'e' },
        message:
          'Failed to update endpoint shop/web: Operation cannot be fulfilled on endpoints "web": the object has been modified; please apply your changes to the latest version and try again',
      },
    ],
    ['Unhealthy', { type: 'Normal' }],
    ['TaintManagerEviction', { type: 'Normal', message: 'Cancelling deletion of Pod shop/web-1-a' }],
  ])('is not reported if another event covers it, or without a problem: %s', (reason, more) => {
    expect(eventsFor(report(reason, 'it is', more))).toEqual([])
  })
})

describe('a repeated warning', () => {
  const unhealthy = (count: number, seconds: number, more: object = {}) =>
    report('Unhealthy', 'Liveness probe failed: dial tcp 10.1.0.4:80: no', {
      ...aboutContainer(),
      count,
      lastTimestamp: at(seconds),
      ...more,
    })
  const another = (name: string, seconds: number, more: object = {}) => ({
    ...unhealthy(1, seconds, { firstTimestamp: at(seconds), ...more }),
    metadata: { name, namespace: 'shop', uid: name },
  })

  test('is sampled by the count of the server', () => {
    const { put, events } = scene()
    for (let count = 1; count <= 120; count += 1) put('events', unhealthy(count, count))
    expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 10, 30, 100].map((count) => `event-Unhealthy/${count}`))
    expect(events[4]).toMatchObject({ at: '2026-11-25T10:00:10.000Z', attributes: { 'k8s.event.count': 10 } })
    expect(events[4]?.body).toContain('failed (10 times so far):')
  })

  test('continues in other event objects, unless ten minutes were quiet', () => {
    const { put, events } = scene()
    for (let number = 0; number < 12; number += 1) put('events', another(`e${number}`, number * 60))
    put('events', another('later', 11 * 60 + 601))
    expect(events.map(({ id }) => id)).toEqual(['e0/1', 'e0/2', 'e0/3', 'e0/4', 'e0/10', 'later/1'])
  })

  test('starts from scratch in the same event object after ten quiet minutes', () => {
    const { put, events } = scene()
    put('events', unhealthy(3, 0))
    put('events', unhealthy(4, 60))
    put('events', unhealthy(5, 3000))
    put('events', unhealthy(6, 3010))
    expect(events.map(({ id }) => id)).toEqual([
      'event-Unhealthy/3',
      'event-Unhealthy/4',
      'event-Unhealthy/4/1',
      'event-Unhealthy/4/2',
    ])
  })

  test('is counted per probe, container and pod', () => {
    const { put, events } = scene()
    put('events', another('a', 0))
    put('events', another('b', 0, { message: 'Readiness probe failed: dial tcp 10.1.0.4:80: no' }))
    put('events', another('c', 0, aboutContainer('other')))
    put('events', another('d', 0, { involvedObject: { ...aboutContainer().involvedObject, uid: 'pod-b' } }))
    put('events', another('e', 1))
    expect(events.map(({ id }) => id)).toEqual(['a/1', 'b/1', 'c/1', 'd/1', 'a/2'])
  })

  test('has the same ids for an agent that starts later', () => {
    const cluster = followedCluster()
    cluster.put('events', unhealthy(37, 0))
    cluster.put('events', another('old', -901, { ...aboutContainer('other') }))
    const ids = [0, 1].map(() => cluster.watch(clusterWarnings, () => new Date(START)).events.map(({ id }) => id))
    expect(ids).toEqual([['event-Unhealthy/30'], ['event-Unhealthy/30']])
  })

  test('is not counted if the server only rewrites the event object', () => {
    const { put, events } = scene()
    put('events', unhealthy(1, 0))
    put('events', unhealthy(1, 0, { action: 'x' }))
    expect(events).toHaveLength(1)
  })
})

describe('the same warning about many objects', () => {
  const podNumber = (number: number, more: object = {}, owner?: object) => ({
    ...podOf(undefined, { status: { phase: 'Pending', ...more } }),
    metadata: {
      ...podOf(undefined).metadata,
      name: `pod-${number}`,
      uid: `pod-${number}`,
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
  })
  const about = (number: number) => ({ kind: 'Pod', namespace: 'shop', name: `pod-${number}`, uid: `pod-${number}` })
  const reportOf = (number: number, reason: string, message: string, more: object = {}) => ({
    ...report(reason, message, { involvedObject: about(number), ...more }),
    metadata: { name: `event-${number}`, namespace: 'shop', uid: `event-${number}` },
  })
  const numbers = Array.from({ length: 120 }, (_, number) => number)
  const noNode = { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no' }] }

  test.each<[string, (number: number) => readonly ['pods' | 'events', object][]]>([
    ['pods of a workload that no node can take', (number) => [['pods', podNumber(number, noNode)]]],
    ['pods that a node evicts', (number) => [['pods', podNumber(number, { phase: 'Failed', reason: 'Evicted' })]]],
    [
      'pods with any other warning',
      (number) => [
        ['pods', podNumber(number)],
        ['events', reportOf(number, 'DNSConfigForming', 'too many')],
      ],
    ],
    [
      'new pods that are not ready yet',
      (number) => [
        ['pods', podNumber(number)],
        ['events', reportOf(number, 'Unhealthy', 'Readiness probe failed: dial tcp 10.1.0.4:80: no')],
      ],
    ],
    [
      'pods of Jobs without a CronJob',
      (number) => [
        [
          'pods',
          podNumber(number, noNode, { kind: 'Job', name: `job-${number}`, uid: `job-${number}`, controller: true }),
        ],
      ],
    ],
  ])('is sampled: %s', (_what, happens) => {
    const { put, events } = scene()
    for (const number of numbers) for (const [kind, raw] of happens(number)) put(kind, raw)
    expect(events.map(({ attributes }) => attributes['k8s.event.affected'])).toEqual([
      ...[undefined, undefined, undefined, undefined],
      ...[10, 30, 100],
    ])
    expect(events.at(-1)?.body).toContain('(the 100th of its kind, not all are reported)')
  })

  test('is counted per workload, and from scratch after ten quiet minutes', () => {
    let now = new Date(START)
    const cluster = followedCluster()
    cluster.listed()
    const { events } = cluster.watch(clusterWarnings, () => now)
    const other = { kind: 'StatefulSet', name: 'db', uid: 'db', controller: true }
    for (const number of numbers.slice(0, 12)) cluster.put('pods', podNumber(number, noNode))
    cluster.put('pods', podNumber(20, noNode, other))
    now = new Date(at(601))
    cluster.put('pods', podNumber(21, noNode))
    expect(events.map(({ entity }) => entity.id).slice(4)).toEqual(['pod-9', 'pod-20', 'pod-21'])
  })
})

test('replaces the file hash of a static pod by the uid that the server gave it', async () => {
  const { put, events } = scene()
  const ownerReferences = [{ kind: 'Node', name: 'node-1', uid: 'n', controller: true }]
  const metadata = { name: 'etcd-node-1', namespace: 'kube-system', uid: 'mirror', ownerReferences }
  put('pods', { ...podOf(status(0, { running: {} })), metadata })
  const uid = '0d6aa63f5ee2f0a1c6b2a1e3d4c5b6a7'
  const about = { kind: 'Pod', namespace: 'kube-system', name: 'etcd-node-1', uid, fieldPath: 'spec.containers{app}' }
  put(
    'events',
    report('Unhealthy', 'Liveness probe failed: HTTP probe failed with statuscode: 503', { involvedObject: about }),
  )
  expect(events).toMatchObject([
    {
      entity: { type: 'k8s.container', id: 'mirror/app' },
      attributes: { 'k8s.pod.uid': 'mirror', 'container.image.name': 'shop/web:1' },
    },
  ])
  expect(events[0]?.attributes).not.toHaveProperty('k8s.workload.kind')
})

describe('an evicted pod', () => {
  const evicted = podOf(undefined, {
    status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory. token=canary' },
  })

  test.each([
    ['the pod', ['pods', 'events']],
    ['the report', ['events', 'pods']],
  ] as const)('is reported once, by %s first', (_first, order) => {
    const { put, events } = scene()
    for (const kind of order)
      put(kind, kind === 'pods' ? evicted : report('Evicted', 'The node was low on resource: memory.'))
    expect(events).toMatchObject([
      {
        name: 'k8s.pod.evicted',
        id: 'pod-a/evicted',
        severity: 'error',
        entity: { type: 'k8s.pod', id: 'pod-a' },
        attributes: { 'k8s.pod.reason': 'Evicted', 'k8s.workload.name': 'web' },
      },
    ])
    expect(events[0]?.body).toMatch(
      /^Pod shop\/web-1-a was ended as a whole: Evicted: The node was low on resource: memory\./,
    )
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test.each([
    ['Preempted', 'Preempted by shop/other on node node-1'],
    ['TaintManagerEviction', 'Marking for deletion Pod shop/web-1-a'],
  ])('is reported for the normal event %s', (reason, message) => {
    expect(eventsFor(report(reason, message, { type: 'Normal' }))).toMatchObject([
      { name: 'k8s.pod.evicted', severity: 'warning' },
    ])
  })

  test.each([
    ['cluster-autoscaler', 'ScaleDown', 'deleting pod for node scale down'],
    ['vpa-updater', 'EvictedByVPA', 'Pod was evicted by VPA Updater to apply resource recommendation.'],
    ['sigs.k8s.io/descheduler', 'LowNodeUtilization', 'pod evicted from node-1 node by sigs.k8s.io/descheduler'],
    ['karpenter', 'Evicted', 'Evicted pod: Underutilized'],
  ])('names the program that ended it: %s', (component, reason, message) => {
    expect(eventsFor(report(reason, message, { type: 'Normal', source: { component } }))).toMatchObject([
      {
        name: 'k8s.pod.evicted',
        severity: 'warning',
        body: `Pod shop/web-1-a was ended as a whole by ${component}: ${reason}: ${message}`,
        attributes: { 'k8s.event.component': component },
      },
    ])
  })

  test('is reported by its condition in newer clusters', () => {
    const { put, events } = scene()
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: at(7),
    }
    put('pods', podOf(status(0, { running: {} }), { status: { conditions: [condition] } }))
    expect(events).toMatchObject([
      { at: '2026-11-25T10:00:07.000Z', attributes: { 'k8s.pod.reason': 'EvictionByEvictionAPI' } },
    ])
  })

  test('is reported by an agent that starts later if it is recent', () => {
    const cluster = followedCluster()
    cluster.put('pods', evicted)
    cluster.put('events', report('Evicted', 'The node was low on resource: memory.'))
    expect(cluster.watch(clusterWarnings, () => new Date(START)).events).toHaveLength(1)
    expect(cluster.watch(clusterWarnings, () => new Date(at(901))).events).toEqual([])
  })

  test('is not reported if its containers only crashed', () => {
    const { put, events } = scene()
    put('pods', podOf(undefined, { status: { phase: 'Failed' } }))
    expect(events).toEqual([])
  })
})

test('reports a pod that no node can take by its condition or by the event, whichever comes first', () => {
  const { put, events } = scene()
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message: '0/3 nodes are available.',
  }
  put(
    'pods',
    podOf(undefined, { spec: { nodeName: undefined }, status: { phase: 'Pending', conditions: [condition] } }),
  )
  const failing = (count: number) => report('FailedScheduling', '0/3 nodes are available.', { count })
  for (let count = 1; count <= 10; count += 1) put('events', failing(count))
  // The first attempts are of the same pod that waits.
  expect(events.map(({ id }) => id)).toEqual(['pod-a/scheduling_failed', 'event-FailedScheduling/10'])
  expect(events[0]?.body).toBe('No node can take pod shop/web-1-a: 0/3 nodes are available.')
})

test.each(['event', 'event-new'])('reports the event that a real server wrote: %s', (name) => {
  const raw = captured(name)
  const { put, events } = scene()
  put('events', raw)
  expect(events).toEqual([])
  put('events', { ...raw, reason: 'FailedPreStopHook', metadata: { ...(raw.metadata as object), uid: 'other' } })
  expect(events).toMatchObject([
    {
      name: 'k8s.event',
      id: 'other/4',
      at: '2026-11-24T10:05:00.000Z',
      entity: { type: 'k8s.container', id: '11111111-2222-3333-4444-555555555555/app' },
      attributes: { 'k8s.event.count': 7, 'k8s.event.component': 'kubelet', 'k8s.node.name': 'node-1' },
    },
  ])
  expect(JSON.stringify(events)).not.toContain('canary')
})

describe('a probe whose messages differ', () => {
  const named = (index: number, message: string, count = 1) => ({
    ...report('Unhealthy', message, { ...aboutContainer(), count }),
    metadata: { name: `web-1-a.${index}`, namespace: 'shop', uid: `event-${index}` },
  })

  test('is one series, also when the kubelet combines its reports', async () => {
    const { put, events } = scene(undefined, { get: async () => podOf(status(0, { running: {} })) })
    for (let index = 1; index <= 10; index += 1) put('events', named(index, `Readiness probe failed: try ${index}`))
    const combined = '(combined from similar events): Readiness probe failed: try'
    for (let count = 1; count <= 20; count += 1) put('events', named(11, `${combined} ${10 + count}`, count))
    await expect.poll(() => events.map(({ attributes }) => attributes['k8s.event.count'])).toEqual([1, 2, 3, 4, 10, 30])
    expect(events.at(-1)).toMatchObject({
      id: 'event-1/30',
      attributes: {
        'k8s.container.probe.kind': 'readiness',
        'k8s.event.message': 'Readiness probe failed: try 30',
      },
    })
  })
})

describe('a taint that ends pods', () => {
  const node = {
    metadata: { name: 'node-1', uid: 'n' },
    spec: {
      taints: [
        { key: 'maintenance', value: 'now', effect: 'NoExecute' },
        { key: 'dedicated', effect: 'NoSchedule' },
      ],
    },
  }
  /** The event of the controller, which names the pod without its uid. */
  const marked = (name: string, message = `Marking for deletion Pod shop/${name}`) => ({
    ...report('TaintManagerEviction', message, {
      type: 'Normal',
      involvedObject: { kind: 'Pod', namespace: 'shop', name },
      source: { component: 'taint-controller' },
    }),
    metadata: { name: `${name}.1`, namespace: 'shop', uid: `event-${name}` },
  })

  test('is reported for a pod with its node and taint, once', () => {
    const { put, events } = scene()
    put('nodes', node)
    put('events', marked('web-1-a'))
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'm' }]
    put('pods', podOf(status(0, { running: {} }), { status: { conditions } }))
    put('events', marked('web-1-a', 'Cancelling deletion of Pod shop/web-1-a'))
    expect(events).toMatchObject([
      {
        name: 'k8s.pod.evicted',
        id: 'pod-a/evicted',
        entity: { type: 'k8s.pod', id: 'pod-a' },
        body: 'Pod shop/web-1-a was ended as a whole: TaintManagerEviction: Marking for deletion Pod shop/web-1-a; taint maintenance=now:NoExecute',
        attributes: {
          'k8s.node.name': 'node-1',
          'k8s.workload.name': 'web',
          'k8s.pod.reason': 'TaintManagerEviction',
          'k8s.node.taints': ['maintenance=now:NoExecute'],
        },
      },
    ])
  })

  test('is reported for the namespace of a pod that is not known, and sampled by node', () => {
    const { put, events } = scene()
    put('events', marked('unknown'))
    expect(events).toMatchObject([{ id: 'event-unknown/evicted', entity: { type: 'k8s.namespace', id: 'shop' } }])
    for (let index = 0; index < 12; index += 1) {
      const metadata = { name: `web-1-${index}`, uid: `pod-${index}` }
      put('pods', podOf(status(0, { running: {} }), { metadata }))
      put('events', marked(metadata.name))
    }
    expect(events.slice(1).map(({ entity }) => entity.id)).toEqual(['pod-0', 'pod-1', 'pod-2', 'pod-3', 'pod-9'])
  })
})

describe('a failure that usually passes', () => {
  test('is an error for a volume only if it is repeated', () => {
    const { put, events } = scene()
    const failed = (count: number) => report('FailedMount', 'MountVolume.SetUp failed', { count })
    put('events', failed(1))
    put('events', failed(2))
    expect(events.map(({ name, severity }) => [name, severity])).toEqual([
      ['k8s.volume.mount_failed', 'warning'],
      ['k8s.volume.mount_failed', 'error'],
    ])
  })

  test('is information for a startup probe, and a warning only after many failures', () => {
    const { put, events } = scene()
    const message = 'Startup probe failed: Get "http://10.0.0.1:8687/healthz": dial tcp 10.0.0.1:8687: connect: refused'
    for (let count = 1; count <= 30; count += 1)
      put('events', report('Unhealthy', message, { ...aboutContainer(), count }))
    expect(events.map(({ severity, attributes }) => [attributes['k8s.event.count'], severity])).toEqual([
      [1, 'info'],
      [2, 'info'],
      [3, 'info'],
      [4, 'info'],
      [10, 'warning'],
      [30, 'warning'],
    ])
  })
})
