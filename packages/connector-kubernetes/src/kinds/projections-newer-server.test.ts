import { expect, test } from 'vitest'
import { withChange } from '../../test/changed-object.ts'
import { captured, fakeFingerprint, NEWER } from '../../test/fixtures.ts'
import { projectAutoscaler } from './autoscaler/autoscaler.ts'
import { projectClaim } from './claim/claim.ts'
import { projectCronJob } from './cron-job/cron-job.ts'
import { projectDisruptionBudget } from './disruption-budget/disruption-budget.ts'
import { projectEndpointSlice } from './endpoint-slice/endpoint-slice.ts'
import { projectEvent } from './event/event.ts'
import { projectIngress } from './ingress/ingress.ts'
import { projectJob } from './job/job.ts'
import { projectNamespace } from './namespace/namespace.ts'
import { projectNode } from './node/node-projection.ts'
import { projectPod } from './pod/pod-projection.ts'
import { projectReplicaSet } from './replica-set/replica-set.ts'
import { projectService } from './service/service-projection.ts'
import { projectTemplate } from './workload/pod-template.ts'
import { projectDeployment, projectStatefulSet } from './workload/workload-projection.ts'

const newer = (name: string): Record<string, unknown> => captured(name, NEWER)
const MIB = 2 ** 20
const GIB = 2 ** 30

test.each<[name: string, project: (raw: unknown) => { readonly uid: string; readonly created: string | undefined }]>([
  ['namespace', projectNamespace],
  ['node', projectNode],
  ['pod', projectPod],
  ['pod-evicted', projectPod],
  ['deployment', (raw) => projectDeployment(raw, fakeFingerprint)],
  ['stateful-set', (raw) => projectStatefulSet(raw, fakeFingerprint)],
  ['replica-set', (raw) => projectReplicaSet(raw, fakeFingerprint)],
  ['job', projectJob],
  ['job-failing', projectJob],
  ['cron-job', (raw) => projectCronJob(raw, fakeFingerprint)],
  ['autoscaler', projectAutoscaler],
  ['disruption-budget', projectDisruptionBudget],
  ['event', projectEvent],
  ['service', projectService],
  ['endpoint-slice', projectEndpointSlice],
  ['ingress', projectIngress],
  ['claim', projectClaim],
])(
  'the projection of a newer %s identifies it, without values of variables, annotations and commands',
  (name, project) => {
    const raw = newer(name)
    const { uid, creationTimestamp } = raw.metadata as Record<string, string>
    const kept = project(raw)
    expect(kept).toMatchObject({ uid, created: creationTimestamp })
    expect(JSON.stringify(kept)).not.toMatch(/canary-(?!said)/)
  },
)

test('projectPod reads a pending resize, and a sidecar during its resize', () => {
  const pod = projectPod(newer('pod'))
  expect(pod.ip).toBe('10.1.0.7')
  expect(pod.conditions.slice(0, 2)).toMatchObject([
    {
      type: 'PodResizePending',
      status: 'True',
      reason: 'Deferred',
      message: expect.stringContaining('capacity: 3900'),
    },
    { type: 'PodResizeInProgress', status: 'True', reason: undefined },
  ])
  expect(pod.resources).toBeUndefined()
  expect(pod.containers).toMatchObject([
    {
      name: 'prepare',
      kind: 'init',
      status: { restarts: 1, state: { exitCode: 0 }, lastState: { kind: 'terminated', exitCode: 42 } },
    },
    {
      name: 'proxy',
      kind: 'sidecar',
      resources: { requests: { cpu: 0.2 } },
      status: {
        isReady: true,
        isStarted: true,
        restarts: 1,
        state: { kind: 'running' },
        lastState: { reason: 'OOMKilled' },
        allocated: { cpu: 0.2 },
        actual: { requests: { cpu: 0.1, memory: 64 * MIB } },
      },
    },
    {
      name: 'app',
      kind: 'container',
      resources: { requests: { cpu: 0.8, memory: 512 * MIB } },
      status: {
        allocated: { cpu: 0.5, memory: 256 * MIB },
        actual: { requests: { cpu: 0.5, memory: 256 * MIB }, limits: { memory: 256 * MIB } },
      },
    },
  ])
})

test('projectPod names an ephemeral claim after its pod, and ignores an image volume', () => {
  expect(projectPod(newer('pod')).mounts).toEqual({
    claims: ['web-7d9c-x2x4p-scratch'],
    configMaps: [],
    secrets: [],
  })
  expect(projectDeployment(newer('deployment'), fakeFingerprint).template.mounts.claims).toEqual([])
})

test('projectPod reads an evicted pod with pod-level resources and a restart rule of its init container', () => {
  expect(projectPod(newer('pod-evicted'))).toMatchObject({
    deleted: '2026-11-24T10:05:30Z',
    conditions: [{ type: 'DisruptionTarget', reason: 'EvictionByEvictionAPI' }, { type: 'Ready' }],
    resources: { requests: { cpu: 1, memory: 2 * GIB }, limits: { cpu: 2 } },
    mounts: { claims: ['data-train-0'] },
    containers: [
      // Only an init container with policy `Always` is a sidecar.
      { name: 'fetch-keys', kind: 'init' },
      // A container is not a sidecar, whatever its restart policy.
      { name: 'train', kind: 'container', resources: { requests: { cpu: 0.25 } } },
      { name: 'log', status: { actual: undefined, allocated: undefined } },
    ],
  })
})

test('projectDeployment reads a sidecar, gRPC probes, and variables from files', () => {
  const deployment = projectDeployment(newer('deployment'), fakeFingerprint)
  expect(deployment).toMatchObject({ desired: 3, current: 4, updated: 2, ready: 3, available: 3, generation: 7 })
  expect(deployment.managers).toMatchObject([{ name: 'kubectl' }, { subresource: 'status' }])
  expect(deployment.template.containers).toMatchObject([
    { name: 'prepare', kind: 'init' },
    {
      name: 'proxy',
      kind: 'sidecar',
      probes: { startup: { kind: 'http', target: ':15021/started' } },
    },
    {
      name: 'app',
      kind: 'container',
      environmentFrom: ['secret/db', 'configMap/web'],
      environmentKeysFrom: [],
      environment: {
        LICENSE: fakeFingerprint(
          'LICENSE={"fileKeyRef":{"volumeName":"keys","path":"license.env","key":"LICENSE","optional":false}}',
        ),
      },
      probes: { readiness: { kind: 'grpc', target: ':9090', period: 5 }, liveness: { kind: 'grpc', period: 10 } },
    },
  ])
})

test.each<[what: string, path: readonly (string | number)[], value: unknown]>([
  ['signal that stops it', ['containers', 0, 'lifecycle', 'stopSignal'], 'SIGTERM'],
  ['prefix of variables', ['containers', 0, 'envFrom', 0, 'prefix'], 'DATABASE_'],
  ['image that is mounted', ['volumes', 1, 'image', 'reference'], 'registry.example.test/model:8'],
  ['what a resize restarts', ['containers', 0, 'resizePolicy', 1, 'restartPolicy'], 'NotRequired'],
])('projectTemplate has another keyed hash for another %s', (_what, path, value) => {
  const { template } = newer('deployment').spec as { readonly template: object }
  const changed = withChange(template, ['spec', ...path], value)
  const [before, after] = [template, changed].map((one) => projectTemplate(one, fakeFingerprint).keyedHash)
  expect(after).not.toBe(before)
})

test('projectStatefulSet reads available pods and pod-level resources', () => {
  expect(projectStatefulSet(newer('stateful-set'), fakeFingerprint)).toMatchObject({
    desired: 3,
    ready: 3,
    available: 2,
    template: { resources: { limits: { cpu: 2, memory: 2 * GIB } } },
  })
  expect(projectReplicaSet(newer('replica-set'), fakeFingerprint)).toMatchObject({
    desired: 2,
    current: 2,
    available: 1,
    revision: '3',
  })
})

test('projectNode reads addresses of both families', () => {
  expect(projectNode(newer('node'))).toMatchObject({
    kubeletVersion: 'v1.34.0',
    runtimeVersion: 'containerd://2.1.4',
    capacity: { memory: 16 * GIB },
    addresses: { InternalIP: ['10.0.0.1', 'fd00::1'], Hostname: ['node-1'] },
    lastHeartbeat: '2026-11-24T10:04:30Z',
  })
})

test('projectJob reads success criteria, and a job that is about to fail', () => {
  expect(projectJob(newer('job'))).toMatchObject({
    completions: 10,
    succeeded: 2,
    failed: 1,
    active: 0,
    isSuspended: false,
    completedAt: '2026-11-24T10:03:00Z',
    conditions: [{ type: 'Suspended', status: 'False' }, { type: 'SuccessCriteriaMet' }, { type: 'Complete' }],
  })
  expect(projectJob(newer('job-failing'))).toMatchObject({
    owner: { kind: 'CronJob', name: 'nightly' },
    completedAt: undefined,
    conditions: [{ type: 'FailureTarget', status: 'True', reason: 'PodFailurePolicy' }],
  })
  expect(projectCronJob(newer('cron-job'), fakeFingerprint)).toMatchObject({
    timeZone: 'Europe/Zurich',
    active: 1,
    lastSucceededAt: '2026-11-23T02:05:00Z',
  })
})

test('projectAutoscaler ignores metrics of every type', () => {
  expect(projectAutoscaler(newer('autoscaler'))).toMatchObject({
    target: { kind: 'Deployment', name: 'web' },
    min: 2,
    max: 9,
    current: 3,
    desired: 9,
    lastScaledAt: '2026-11-24T10:01:00Z',
    conditions: [{}, {}, { type: 'ScalingLimited', status: 'True', reason: 'TooManyReplicas' }],
  })
  expect(projectDisruptionBudget(newer('disruption-budget'))).toMatchObject({
    selector: { app: 'web' },
    allowed: 1,
    healthy: 3,
    desiredHealthy: 2,
    expected: 3,
  })
})

test('an event that is a series', () => {
  expect(projectEvent(newer('event'))).toMatchObject({
    reason: 'Unhealthy',
    component: 'kubelet',
    count: 9,
    firstAt: '2026-11-24T10:00:30.123456Z',
    lastAt: '2026-11-24T10:04:30.654321Z',
    about: { kind: 'Pod', name: 'web-7d9c-x2x4p', fieldPath: 'spec.containers{app}' },
  })
})

test('projectEndpointSlice and projectIngress read endpoints and routes', () => {
  const { uid } = newer('pod').metadata as { readonly uid: string }
  expect(projectEndpointSlice(newer('endpoint-slice'))).toMatchObject({
    service: 'web',
    endpoints: [
      { addresses: ['10.1.0.7'], isReady: true, node: 'node-1', pod: { name: 'web-7d9c-x2x4p', uid } },
      // It still serves while it ends, and takes nothing new.
      { addresses: ['10.1.0.9'], isReady: false, node: 'node-1' },
    ],
  })
  expect(projectService(newer('service'))).toMatchObject({ ports: [{ port: 80, target: 'grpc' }] })
  expect(projectIngress(newer('ingress'))).toMatchObject({
    services: ['web'],
    routes: ['shop.example.test/ → web:grpc'],
    addresses: ['192.0.2.7'],
  })
})

test('a claim that is made larger while its class is changed', () => {
  expect(projectClaim(newer('claim'))).toMatchObject({
    phase: 'Bound',
    accessModes: ['ReadWriteOncePod'],
    requested: 20 * GIB,
    capacity: 10 * GIB,
  })
})
