import { expect, test } from 'vitest'
import { captured } from '../../../test/fixtures.ts'
import { projectPod } from './pod-projection.ts'

test('projectPod reads the state of a container that ran out of memory', () => {
  expect(projectPod(captured('pod'))).toMatchObject({
    namespace: 'scene',
    labels: { app: 'web' },
    phase: 'Running',
    node: 'node-1',
    qosClass: 'Burstable',
    conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
    mounts: { configMaps: ['web'], secrets: [], claims: [] },
    containers: [
      { name: 'prepare', kind: 'init', status: { isReady: true, state: { kind: 'terminated', exitCode: 0 } } },
      {
        name: 'app',
        kind: 'container',
        image: 'shop/web:1.7.0',
        resources: { requests: { cpu: 0.1 }, limits: { memory: 64 * 2 ** 20 } },
        status: {
          restarts: 7,
          isReady: false,
          imageId: 'shop/web@sha256:1',
          state: { kind: 'waiting', reason: 'CrashLoopBackOff' },
          lastState: { kind: 'terminated', reason: 'OOMKilled', exitCode: 137 },
          actual: undefined,
        },
      },
    ],
  })
})

test('projectPod reads a sidecar and in-place resizes of a newer server', () => {
  const pod = projectPod({
    metadata: { name: 'a', uid: 'b', deletionTimestamp: '2026-11-24T10:00:00Z' },
    spec: {
      initContainers: [{ name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' }, { name: 'once' }],
      containers: [{ name: 'app', resources: { limits: { cpu: '1' } } }],
      ephemeralContainers: [{ name: 'debugger' }],
    },
    status: {
      initContainerStatuses: [{ name: 'proxy', started: true, ready: true, state: { running: { startedAt: 't' } } }],
      containerStatuses: [{ name: 'app', resources: { limits: { cpu: '500m' } }, state: {} }],
    },
  })
  expect(pod.deleted).toBe('2026-11-24T10:00:00Z')
  expect(pod.containers.map(({ name, kind }) => [name, kind])).toEqual([
    ['proxy', 'sidecar'],
    ['once', 'init'],
    ['app', 'container'],
    ['debugger', 'ephemeral'],
  ])
  expect(pod.containers[0]?.status).toMatchObject({ isStarted: true, state: { kind: 'running', startedAt: 't' } })
  expect(pod.containers[1]?.status).toBeUndefined()
  expect(pod.containers[2]).toMatchObject({
    resources: { limits: { cpu: 1 } },
    status: { actual: { limits: { cpu: 0.5 } }, state: undefined, restarts: 0 },
  })
})

test('projectPod interns the common parts of similar pods', () => {
  const [one, other] = [projectPod(captured('pod')), projectPod(captured('pod'))]
  expect(one.labels).toBe(other.labels)
  expect(one.containers[1]?.resources).toBe(other.containers[1]?.resources)
})

test.each([
  ['shop:canary@registry.test/x:1', 'registry.test/x:1'],
  ['https://shop:canary@registry.test/x:1', 'registry.test/x:1'],
  [`web:1@sha256:${'a'.repeat(64)}`, `web:1@sha256:${'a'.repeat(64)}`],
  ['registry.test:5000/web:1', 'registry.test:5000/web:1'],
])('projectPod removes credentials from image %s', (image, expected) => {
  const { containers } = projectPod({
    metadata: { name: 'a', uid: 'b' },
    spec: { containers: [{ name: 'app', image }] },
  })
  expect(containers[0]?.image).toBe(expected)
})

test.each([
  ['apps.kruise.io/v1beta1', 'StatefulSet', 'StatefulSet.apps.kruise.io'],
  ['apps/v1', 'StatefulSet', 'StatefulSet'],
  ['v1', 'Node', 'Node'],
  ['argoproj.io/v1alpha1', 'Rollout', 'Rollout'],
])('projectPod reads the owner %s %s', (apiVersion, kind, expected) => {
  const ownerReferences = [{ apiVersion, kind, name: 'a', uid: 'b', controller: true }]
  expect(projectPod({ metadata: { name: 'a', uid: 'b', ownerReferences } }).owner?.kind).toBe(expected)
})
