import { expect, test } from 'vitest'
import { captured, fakeFingerprint } from '../../../test/fixtures.ts'
import { projectTemplate } from './pod-template.ts'
import { projectDaemonSet, projectDeployment, projectStatefulSet } from './workload-projection.ts'

const deployment = projectDeployment(captured('deployment'), fakeFingerprint)

test('projectDeployment reads the progress of a rollout, and its writers', () => {
  expect(deployment).toMatchObject({
    kind: 'Deployment',
    desired: 3,
    current: 3,
    updated: 2,
    ready: 1,
    available: 1,
    generation: 1,
    observedGeneration: 1,
    strategy: 'RollingUpdate',
    progressDeadline: 600,
    selector: { app: 'web' },
    revision: '4',
    helm: { name: 'shop', namespace: 'scene', chart: 'shop-1.2.3' },
    conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
  })
  expect(deployment.managers.map(({ name }) => name)).toContain('kubectl-client-side-apply')
})

test('projectDeployment reads the template with keyed hashes for values', () => {
  const { template } = deployment
  expect(template).toMatchObject({
    serviceAccount: 'web',
    nodeSelector: '{"disk":"ssd"}',
    restartedAt: '2026-11-24T10:00:00Z',
    annotations: { 'checksum/config': fakeFingerprint('checksum/config=canary-checksum') },
    mounts: { claims: ['data'], configMaps: ['web', 'ca'], secrets: ['tls', 'db'] },
  })
  expect(template.containers).toMatchObject([
    { name: 'prepare', kind: 'init', command: expect.stringMatching(/^#/) },
    {
      name: 'app',
      image: 'shop/web:1.7.0',
      environment: {
        DB_PASSWORD: fakeFingerprint('DB_PASSWORD=canary-env'),
        FROM_SECRET: fakeFingerprint('FROM_SECRET={"secretKeyRef":{"name":"db","key":"password"}}'),
        EMPTY: fakeFingerprint('EMPTY='),
      },
      environmentFrom: ['configMap/web', 'secret/db'],
      probes: {
        readiness: { kind: 'http', target: ':8080/ready', period: 5 },
        liveness: { kind: 'exec', target: undefined },
        startup: { kind: 'tcp', target: ':8080', failureThreshold: 30 },
      },
    },
  ])
})

test('projectDeployment reads a gRPC probe', () => {
  const spec = { containers: [{ name: 'a', livenessProbe: { grpc: { port: 9 } } }] }
  const [container] = projectTemplate({ spec }, fakeFingerprint).containers
  expect(container).toMatchObject({ probes: { liveness: { kind: 'grpc', target: ':9' } }, command: undefined })
})

test('projectStatefulSet counts ready pods as available before 1.22', () => {
  expect(projectStatefulSet(captured('stateful-set'), fakeFingerprint)).toMatchObject({
    kind: 'StatefulSet',
    desired: 1,
    available: 1,
    revision: 'db-1',
    strategy: 'RollingUpdate',
  })
})

test('projectDaemonSet reads node counts', () => {
  expect(projectDaemonSet(captured('daemon-set'), fakeFingerprint)).toMatchObject({
    kind: 'DaemonSet',
    desired: 3,
    ready: 2,
    misscheduled: 1,
    helm: undefined,
  })
})
