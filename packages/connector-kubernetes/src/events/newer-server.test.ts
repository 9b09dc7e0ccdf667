import type { Event } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { withChange } from '../../test/changed-object.ts'
import { captured, NEWER } from '../../test/fixtures.ts'
import { type FollowedCluster, followedCluster } from '../../test/followed-cluster.ts'
import { watchDeclared } from '../../test/watch-declared.ts'
import type { LogRequest } from '../api/kubernetes-api.ts'
import { containerEvents } from './containers/container-events.ts'
import { clusterWarnings } from './warnings/cluster-events.ts'
import { jobFailures } from './workloads/job-failures.ts'
import { workloadChanges } from './workloads/workload-changes.ts'

const pod = captured('pod', NEWER)
const { uid } = pod.metadata as { readonly uid: string }
const now = (): Date => new Date('2026-11-24T10:05:00Z')

/** The cluster of the pod, which is as it is put, and whose containers write `canary-env`. */
function scene(): FollowedCluster & { readonly requests: LogRequest[] } {
  const requests: LogRequest[] = []
  const cluster = followedCluster({
    get: async () => pod,
    text: async (request) => {
      requests.push(request)
      return `${request.container} is lost with canary-env\n`
    },
  })
  cluster.put('replicaSets', captured('replica-set', NEWER))
  return { ...cluster, requests }
}

/** The pod before its containers ended for the first time. */
const before = [
  ['status', 'initContainerStatuses', 0],
  ['status', 'initContainerStatuses', 1],
].reduce(
  (object, path) =>
    withChange(
      withChange(withChange(object, [...path, 'lastState'], {}), [...path, 'restartCount'], 0),
      [...path, 'state'],
      { running: { startedAt: '2026-11-24T10:00:02Z' } },
    ),
  pod,
)

test('reports an OOM-killed sidecar and a restarted init container as crashed', async () => {
  const cluster = scene()
  cluster.put('pods', before)
  cluster.listed()
  const { events } = cluster.watch(containerEvents, now)
  cluster.put('pods', pod)
  await expect.poll(() => events, { timeout: 5000 }).toHaveLength(2)
  const byEntity = new Map(events.map((event): [string, Event] => [event.entity?.id ?? '', event]))
  expect(byEntity.get(`${uid}/proxy`)).toMatchObject({
    id: `${uid}/proxy/crashed/proxy-0`,
    severity: 'critical',
    body: 'Sidecar container proxy of pod shop/web-7d9c-x2x4p ran out of memory and ended with exit code 137 (SIGKILL)',
    attributes: {
      'k8s.container.kind': 'sidecar',
      'k8s.workload.kind': 'Deployment',
      'k8s.workload.name': 'web',
      'container.oom_killed': true,
      'k8s.container.restart.count': 1,
      // The resize to more is pending.
      'k8s.container.cpu.request': 0.1,
      'k8s.container.log': expect.stringContaining('proxy is lost'),
    },
  })
  expect(byEntity.get(`${uid}/prepare`)).toMatchObject({
    id: `${uid}/prepare/crashed/prepare-0`,
    severity: 'error',
    body: 'Init container prepare of pod shop/web-7d9c-x2x4p crashed with exit code 42',
    attributes: { 'k8s.container.kind': 'init', 'container.exit_code': 42, 'k8s.container.restart.count': 1 },
  })
  expect(cluster.requests.map(({ container }) => container).toSorted()).toEqual(['prepare', 'proxy'])
  expect(JSON.stringify(events)).not.toContain('canary-env')
})

test('does not report a pending or finished resize as a crash', async () => {
  const cluster = scene()
  const unsized = withChange(pod, ['status', 'conditions'], [])
  cluster.put('pods', unsized)
  cluster.listed()
  const { events, stop } = cluster.watch(containerEvents, () => new Date('2026-11-25T10:00:00Z'))
  const happened = watchDeclared(cluster, clusterWarnings, now)
  cluster.put('pods', pod)
  await stop()
  expect([...events, ...happened.events]).toEqual([])
})

test('reports resources of a container that were changed in place, once they are in force', () => {
  const cluster = scene()
  cluster.put('pods', pod)
  cluster.listed()
  const { events } = watchDeclared(cluster, containerEvents, now)
  const APP = ['status', 'containerStatuses', 0]
  const accepted = withChange(pod, [...APP, 'allocatedResources'], { cpu: '800m', memory: '512Mi' })
  cluster.put('pods', accepted)
  expect(events).toEqual([])
  const resources = { requests: { cpu: '800m', memory: '512Mi' }, limits: { memory: '512Mi' } }
  cluster.put('pods', withChange(accepted, [...APP, 'resources'], resources))
  expect(events).toMatchObject([
    {
      name: 'k8s.container.resized',
      severity: 'info',
      entity: { id: `${uid}/app` },
      body: 'Container app of pod shop/web-7d9c-x2x4p was resized in place: memory limit 256Mi → 512Mi, CPU request 500m → 800m, memory request 256Mi → 512Mi',
      attributes: { 'k8s.workload.name': 'web' },
    },
  ])
  cluster.put('pods', withChange(pod, ['metadata', 'labels', 'other'], 'x'))
})

test('reports the gates of a pod that is not scheduled, once', () => {
  const cluster = scene()
  cluster.listed()
  const { events } = watchDeclared(cluster, clusterWarnings, now)
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
  }
  const waiting = withChange(pod, ['status'], { phase: 'Pending', conditions: [condition] })
  const withGates = (...gates: readonly string[]) =>
    withChange(
      waiting,
      ['spec', 'schedulingGates'],
      gates.map((name) => ({ name })),
    )
  cluster.put('pods', withGates('example.test/quota', 'example.test/data'))
  cluster.put('pods', withGates('example.test/quota'))
  cluster.put('pods', withGates())
  expect(events).toMatchObject([
    {
      name: 'k8s.pod.scheduling_gated',
      severity: 'info',
      body: 'Pod shop/web-7d9c-x2x4p is not scheduled before scheduling gates example.test/quota, example.test/data are removed',
      attributes: { 'k8s.pod.scheduling_gates': ['example.test/quota', 'example.test/data'] },
    },
  ])
})

test('reports a pod that was evicted by request with the reason', () => {
  const cluster = scene()
  const evicted = captured('pod-evicted', NEWER)
  cluster.put('pods', withChange(evicted, ['status', 'conditions', 0, 'status'], 'False'))
  cluster.listed()
  const { events } = watchDeclared(cluster, clusterWarnings, now)
  cluster.put('pods', evicted)
  expect(events).toMatchObject([
    {
      name: 'k8s.pod.evicted',
      at: '2026-11-24T10:05:00.000Z',
      severity: 'warning',
      body: 'Pod shop/train-0 was ended as a whole: EvictionByEvictionAPI: Eviction API: evicting',
    },
  ])
})

test('reports a failing Job once it has failed', () => {
  const cluster = scene()
  cluster.listed()
  const { events } = watchDeclared(cluster, jobFailures, now)
  const failing = captured('job-failing', NEWER)
  const [target] = (failing.status as { readonly conditions: readonly object[] }).conditions
  cluster.put('jobs', failing)
  expect(events).toEqual([])
  cluster.put('jobs', withChange(failing, ['status', 'conditions', 1], { ...target, type: 'Failed' }))
  expect(events).toMatchObject([
    { attributes: { 'k8s.job.reason': 'PodFailurePolicy', 'k8s.cronjob.name': 'nightly' } },
  ])
})

/** Returns the events for changed parts of a workload in its next generation. */
function changed(
  kind: 'deployments' | 'statefulSets',
  raw: Record<string, unknown>,
  path: readonly (string | number)[],
  value: unknown,
) {
  const cluster = scene()
  cluster.put(kind, raw)
  cluster.listed()
  const { events } = watchDeclared(cluster, workloadChanges, now)
  const { generation } = raw.metadata as { readonly generation: number }
  cluster.put(kind, withChange(withChange(raw, ['metadata', 'generation'], generation + 1), path, value))
  return events
}

test('reports changed resources of a container, a sidecar and a whole pod', () => {
  const spec = ['spec', 'template', 'spec']
  const deployment = captured('deployment', NEWER)
  const resources = { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '1Gi' } }
  expect(changed('deployments', deployment, [...spec, 'containers', 0, 'resources'], resources)).toMatchObject([
    {
      name: 'k8s.workload.changed',
      body: 'Deployment shop/web was changed by kubectl: app: memory limit 512Mi → 1Gi, CPU request 800m → 1',
      attributes: {
        'change.fields': ['resources'],
        'change.resources': ['app requests.cpu: 800m → 1', 'app limits.memory: 512Mi → 1Gi'],
      },
    },
  ])
  const limit = [...spec, 'initContainers', 1, 'resources', 'limits', 'memory']
  expect(changed('deployments', deployment, limit, '128Mi')).toMatchObject([
    { attributes: { 'change.resources': ['proxy limits.memory: 64Mi → 128Mi'] } },
  ])
  const whole = [...spec, 'resources', 'limits', 'cpu']
  expect(changed('statefulSets', captured('stateful-set', NEWER), whole, '4')).toMatchObject([
    { attributes: { 'change.fields': ['resources'], 'change.resources': ["the pod's limits.cpu: 2 → 4"] } },
  ])
})

test('reports an init container that becomes a sidecar, and another port of a probe', () => {
  const spec = ['spec', 'template', 'spec']
  const deployment = captured('deployment', NEWER)
  expect(changed('deployments', deployment, [...spec, 'initContainers', 0, 'restartPolicy'], 'Always')).toMatchObject([
    { attributes: { 'change.settings': ['prepare kind: init → sidecar'] } },
  ])
  const port = [...spec, 'containers', 0, 'readinessProbe', 'grpc', 'port']
  expect(changed('deployments', deployment, port, 9091)).toMatchObject([
    { attributes: { 'change.probes': ['app readiness: grpc :9090 → grpc :9091'] } },
  ])
})
