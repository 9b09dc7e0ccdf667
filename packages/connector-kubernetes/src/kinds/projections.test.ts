import { describe, expect, test } from 'vitest'
import { captured, fakeFingerprint } from '../../test/fixtures.ts'
import { projectAutoscaler } from './autoscaler/autoscaler.ts'
import { projectClaim } from './claim/claim.ts'
import { projectConfigObject } from './config-object/config-object.ts'
import { projectCronJob } from './cron-job/cron-job.ts'
import { projectDisruptionBudget } from './disruption-budget/disruption-budget.ts'
import { projectEndpointSlice } from './endpoint-slice/endpoint-slice.ts'
import { projectEvent } from './event/event.ts'
import { projectIngress } from './ingress/ingress.ts'
import { projectJob } from './job/job.ts'
import { projectLimitRange } from './limit-range/limit-range.ts'
import { projectNamespace } from './namespace/namespace.ts'
import { projectNode } from './node/node-projection.ts'
import { projectPod } from './pod/pod-projection.ts'
import { projectReplicaSet } from './replica-set/replica-set.ts'
import { projectResourceQuota } from './resource-quota/resource-quota.ts'
import { projectService } from './service/service-projection.ts'
import { projectDaemonSet, projectDeployment, projectStatefulSet } from './workload/workload-projection.ts'

const projections: Readonly<Record<string, (raw: unknown) => object>> = {
  namespace: projectNamespace,
  node: projectNode,
  pod: projectPod,
  service: projectService,
  claim: projectClaim,
  quota: projectResourceQuota,
  'limit-range': projectLimitRange,
  event: projectEvent,
  'event-new': projectEvent,
  deployment: (raw) => projectDeployment(raw, fakeFingerprint),
  'stateful-set': (raw) => projectStatefulSet(raw, fakeFingerprint),
  'daemon-set': (raw) => projectDaemonSet(raw, fakeFingerprint),
  job: projectJob,
  'cron-job': (raw) => projectCronJob(raw, fakeFingerprint),
  'autoscaler-v1': projectAutoscaler,
  'autoscaler-v2beta2': projectAutoscaler,
  'disruption-budget': projectDisruptionBudget,
  'endpoint-slice': projectEndpointSlice,
  'ingress-v1': projectIngress,
  'ingress-v1beta1': projectIngress,
  'replica-set': (raw) => projectReplicaSet(raw, fakeFingerprint),
  'config-object': (raw) => projectConfigObject(raw, fakeFingerprint),
}
const names = Object.keys(projections)
const files = names.filter((name) => !['replica-set', 'config-object'].includes(name))

/** Returns a copy in which every value but the identity has an unexpected type. */
function damaged(value: unknown, depth = 0): unknown {
  if (depth > 1 || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (['uid', 'name'].includes(name)) return [name, item]
      if (name === 'metadata' || name === 'spec' || name === 'status') return [name, damaged(item, depth + 1)]
      return [name, Array.isArray(item) ? 'text' : typeof item === 'object' ? [null, 7, 'text'] : { not: 'expected' }]
    }),
  )
}

describe('projections', () => {
  test.each(files)('identify a captured %s, without secrets', (name) => {
    const raw = captured(name)
    const slim = projections[name]?.(raw)
    const { uid, name: called, resourceVersion } = raw.metadata as Record<string, string>
    expect(slim).toMatchObject({ uid, name: called, resourceVersion })
    const text = JSON.stringify(slim)
    expect(text).not.toContain('canary')
    expect(text).not.toContain('last-applied')
    expect(text).not.toContain('f:metadata')
  })

  test.each(names)('accept a %s with only a name and a UID, and a damaged one', (name) => {
    const metadata = { name: 'a', uid: 'b' }
    for (const rest of [{}, { spec: null, status: null }, { spec: 7, status: 'text' }])
      expect(projections[name]?.({ metadata, ...rest })).toMatchObject({ name: 'a', uid: 'b', namespace: '' })
    if (files.includes(name)) expect(projections[name]?.(damaged(captured(name)))).toHaveProperty('uid')
  })

  test.each(names)('reject a %s without name or UID', (name) => {
    for (const raw of [undefined, null, 'text', {}, { metadata: { name: 'a' } }, { metadata: { uid: 'a' } }])
      expect(() => projections[name]?.(raw)).toThrow('without name or uid')
  })
})

test('read a namespace, its quota and its limits', () => {
  expect(projectNamespace(captured('namespace'))).toMatchObject({ phase: 'Active', labels: { team: 'shop' } })
  expect(projectResourceQuota(captured('quota'))).toMatchObject({
    hard: { pods: 10, 'requests.cpu': 4 },
    used: { pods: 9, 'requests.cpu': 3.5 },
  })
  expect(projectLimitRange(captured('limit-range')).limits).toMatchObject([
    { type: 'Container', max: { cpu: 2 }, defaults: { memory: 512 * 2 ** 20 }, defaultRequests: { cpu: 0.05 } },
  ])
})

test('projectNamespace reads the finalizers of metadata and specification, without the one that all have', () => {
  const wanted = { finalizers: ['kubernetes', 'example.test/backup', 'example.test/tenant'] }
  const raw = { metadata: { name: 'a', uid: 'b', finalizers: ['example.test/backup'] }, spec: wanted }
  expect(projectNamespace(raw).finalizers).toEqual(['example.test/backup', 'example.test/tenant'])
  expect(projectNamespace(captured('namespace')).finalizers).toEqual([])
})

test('projectNode reads conditions, taints and capacity', () => {
  expect(projectNode(captured('node'))).toMatchObject({
    isUnschedulable: true,
    taints: [{ key: 'dedicated', value: 'shop', effect: 'NoSchedule' }],
    conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'it hangs' }],
    capacity: { cpu: 4, memory: 16 * 2 ** 30 },
    allocatable: { cpu: 3.9, pods: 110 },
    addresses: { InternalIP: ['10.0.0.1'] },
    kubeletVersion: 'v1.20.2',
    managers: [{ name: 'kubectl-client-side-apply', operation: 'Update' }, { name: 'kubectl' }],
  })
})

test.each(['event', 'event-new'])('projectEvent reads %s', (name) => {
  expect(projectEvent(captured(name))).toMatchObject({
    type: 'Warning',
    reason: 'BackOff',
    message: 'Back-off restarting failed container',
    about: { kind: 'Pod', name: 'crashing', namespace: 'scene', fieldPath: 'spec.containers{app}' },
    component: 'kubelet',
    host: 'node-1',
    count: 7,
    firstAt: '2026-11-24T10:00:00Z',
    lastAt: '2026-11-24T10:05:00Z',
  })
})

test('projectEvent reads a series', () => {
  const series = { count: 12, lastObservedTime: '2026-11-24T10:09:00.000000Z' }
  const event = { metadata: { name: 'a', uid: 'b' }, eventTime: '2026-11-24T10:00:00.000000Z', series }
  expect(projectEvent(event)).toMatchObject({ count: 12, firstAt: event.eventTime, lastAt: series.lastObservedTime })
})

test('projectJob and projectCronJob read counts and schedule', () => {
  expect(projectJob(captured('job'))).toMatchObject({ completions: 5, active: 2, succeeded: 2, failed: 1 })
  expect(projectCronJob(captured('cron-job'), fakeFingerprint)).toMatchObject({
    schedule: '0 3 * * *',
    concurrencyPolicy: 'Forbid',
    isSuspended: false,
    active: 0,
    template: { containers: [{ name: 'import', image: 'shop/import:1' }] },
  })
})

test.each(['v1', 'v2beta2'])('projectAutoscaler reads %s', (version) => {
  expect(projectAutoscaler(captured(`autoscaler-${version}`))).toMatchObject({
    target: { kind: 'Deployment', name: 'web' },
    min: 2,
    max: 9,
    current: 3,
    desired: 9,
  })
})

test('projectService and projectEndpointSlice read ports and endpoints', () => {
  expect(projectService(captured('service'))).toMatchObject({
    type: 'ClusterIP',
    selector: { app: 'web' },
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  })
  expect(projectEndpointSlice(captured('endpoint-slice'))).toMatchObject({
    service: 'web',
    endpoints: [
      { addresses: ['10.1.0.1'], isReady: true, node: 'node-1', pod: { name: 'crashing', uid: undefined } },
      { addresses: ['10.1.0.2'], isReady: false },
      { addresses: ['10.1.0.3'], isReady: true },
    ],
  })
  const newer = { metadata: { name: 'a', uid: 'b' }, endpoints: [{ addresses: ['::1'], nodeName: 'node-2' }] }
  expect(projectEndpointSlice(newer).endpoints).toMatchObject([{ node: 'node-2' }])
})

test.each(['v1', 'v1beta1'])('projectIngress reads %s', (version) => {
  expect(projectIngress(captured(`ingress-${version}`))).toMatchObject({
    className: 'nginx',
    hosts: ['shop.example.test'],
    services: ['fallback', 'web'],
  })
})

test('projectClaim and projectDisruptionBudget read their status', () => {
  expect(projectClaim(captured('claim'))).toMatchObject({
    phase: 'Pending',
    storageClass: 'fast',
    accessModes: ['ReadWriteOnce'],
    requested: 10 * 2 ** 30,
  })
  expect(projectDisruptionBudget(captured('disruption-budget'))).toMatchObject({
    selector: { app: 'web' },
    allowed: 0,
    healthy: 1,
    desiredHealthy: 2,
    expected: 3,
  })
})

test('projectConfigObject has another keyed hash for another version', () => {
  const at = (resourceVersion: string) => ({ metadata: { name: 'web', uid: 'u', resourceVersion } })
  const [one, same, other] = ['1', '1', '2'].map((version) => projectConfigObject(at(version), fakeFingerprint))
  expect(one?.keyedHash).toBe(same?.keyedHash)
  expect(one?.keyedHash).not.toBe(other?.keyedHash)
})
