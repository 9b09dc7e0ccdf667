import { describe, expect, test } from 'vitest'
import { type Path, withChange } from '../../test/changed-object.ts'
import { captured, fakeFingerprint } from '../../test/fixtures.ts'
import { projectCronJob } from '../kinds/cron-job/cron-job.ts'
import { projectDeployment } from '../kinds/workload/workload-projection.ts'
import { compareCronJobs, compareWorkloads, type WorkloadDifference } from './compare-workloads.ts'

const raw = captured('deployment')
const isWanted = (name: string): boolean => name === 'app'
const POD = ['spec', 'template', 'spec']
const APP = [...POD, 'containers', 0]

/** Compares the Deployment with its next generation, in which these values are changed. */
function after(...changes: readonly (readonly [path: Path, value: unknown])[]): WorkloadDifference | undefined {
  const next = [...changes, [['metadata', 'generation'], 2] as const].reduce(
    (object, [path, value]) => withChange(object, path, value),
    raw,
  )
  const difference = compareWorkloads(
    projectDeployment(raw, fakeFingerprint),
    projectDeployment(next, fakeFingerprint),
    isWanted,
  )
  expect(JSON.stringify(difference) ?? '').not.toMatch(/canary|#\d/)
  return difference
}

describe('compareWorkloads', () => {
  test('ignores the status, the labels and the number of pods', () => {
    expect(after()).toBeUndefined()
    expect(after([['status', 'readyReplicas'], 0])).toBeUndefined()
    expect(after([['metadata', 'labels', 'team'], 'canary'])).toBeUndefined()
    expect(after([['spec', 'replicas'], 9])).toBeUndefined()
  })

  test('ignores differences within a generation, which another server may show', () => {
    const shown = withChange(raw, [...APP, 'terminationMessagePath'], '/dev/other')
    const [before, now] = [raw, shown].map((one) => projectDeployment(one, fakeFingerprint))
    if (before === undefined || now === undefined) throw new Error('nothing to compare')
    expect(compareWorkloads(before, now, isWanted)).toBeUndefined()
  })

  test('finds labels of the pods', () => {
    const labels = ['spec', 'template', 'metadata', 'labels']
    expect(after([[...labels, 'app'], 'shop'], [[...labels, 'team'], 'canary'])).toMatchObject({
      fields: ['settings'],
      settings: ['label app: web → shop', 'label team: added'],
    })
  })

  test('finds images, and added and removed containers', () => {
    expect(after([[...APP, 'image'], 'shop/web:1.8.0'])).toMatchObject({
      fields: ['image'],
      template: { images: ['app: shop/web:1.7.0 → shop/web:1.8.0'] },
    })
    expect(after([[...POD, 'containers', 1], { name: 'cache', image: 'redis:7' }])).toMatchObject({
      fields: ['containers'],
      template: { containers: { added: ['cache=redis:7'], removed: [] } },
    })
    expect(after([[...POD, 'initContainers'], []])).toMatchObject({
      template: { containers: { added: [], removed: ['prepare=shop/prepare:1'] } },
    })
  })

  test('finds requests and limits', () => {
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '512Mi' } }
    expect(after([[...APP, 'resources'], resources])).toMatchObject({
      fields: ['resources'],
      template: {
        resources: ['app requests.memory: 128Mi → none', 'app limits.memory: 256Mi → 512Mi'],
      },
    })
  })

  test('finds variables, by name', () => {
    const env = [
      { name: 'DB_PASSWORD', value: 'canary-other' },
      { name: 'FROM_SECRET', valueFrom: { secretKeyRef: { name: 'db', key: 'other' } } },
      { name: 'NEW_TOKEN', value: 'canary-new' },
    ]
    expect(after([[...APP, 'env'], env], [[...APP, 'envFrom', 1, 'secretRef', 'name'], 'db2'])).toMatchObject({
      fields: ['environment'],
      template: {
        environment: {
          added: ['app/NEW_TOKEN'],
          removed: ['app/EMPTY'],
          changed: ['app/DB_PASSWORD', 'app/FROM_SECRET'],
        },
        environmentFrom: { added: ['app/secret/db2'], removed: ['app/secret/db'] },
      },
    })
  })

  test('finds commands', () => {
    expect(after([[...APP, 'args'], ['canary-other']])).toMatchObject({
      fields: ['command'],
      template: { commands: ['app'] },
    })
  })

  test('finds targets and numbers of probes, but only the fact for headers and commands', () => {
    const readiness = [...APP, 'readinessProbe']
    const probes = (path: Path, value: unknown) => after([path, value])?.template.probes
    expect(probes([...readiness, 'httpGet', 'path'], '/health?canary')).toEqual([
      'app readiness: http :8080/ready → http :8080/health',
    ])
    expect(probes([...readiness, 'periodSeconds'], 60)).toEqual(['app readiness period: 5 → 60'])
    expect(probes([...readiness, 'httpGet', 'httpHeaders', 0, 'value'], 'canary')).toEqual(['app readiness: changed'])
    expect(probes([...APP, 'livenessProbe', 'exec', 'command'], ['canary'])).toEqual(['app liveness: changed'])
    expect(probes([...APP, 'livenessProbe'], undefined)).toEqual(['app liveness: exec → none'])
    expect(probes(readiness, { tcpSocket: { port: 80 } })).toContain('app readiness: http :8080/ready → tcp :80')
  })

  test('finds mounts, the service account and the node selector', () => {
    const volumes = [{ name: 'config', configMap: { name: 'other' } }]
    expect(
      after(
        [[...POD, 'volumes'], volumes],
        [[...POD, 'serviceAccountName'], 'shop'],
        [[...POD, 'nodeSelector', 'disk'], 'canary'],
      ),
    ).toMatchObject({
      fields: ['mounts', 'settings'],
      template: {
        mounts: { added: ['configMap/other'], removed: expect.arrayContaining(['secret/tls', 'claim/data']) },
      },
      settings: ['service_account: web → shop', 'node_selector disk: changed'],
    })
    expect(after([[...POD, 'nodeSelector'], { app: 'a' }])?.settings).toEqual([
      'node_selector disk: removed',
      'node_selector app: none → a',
    ])
  })

  test('finds annotations by name: a checksum is another configuration', () => {
    const annotations = ['spec', 'template', 'metadata', 'annotations']
    expect(after([[...annotations, 'checksum/config'], 'canary-other'])).toMatchObject({
      fields: ['configuration'],
      template: { annotations: ['checksum/config'] },
    })
    expect(after([[...annotations, 'note'], 'canary-other'])).toMatchObject({
      fields: ['annotations'],
      template: { annotations: ['note'] },
    })
    expect(after([[...annotations, 'kubectl.kubernetes.io/restartedAt'], '2026-11-25T11:00:00Z'])).toMatchObject({
      fields: ['restart'],
      template: { isRestart: true, annotations: [] },
    })
  })

  test('finds the strategy, the pause and the selector', () => {
    expect(
      after(
        [['spec', 'strategy'], { type: 'Recreate' }],
        [['spec', 'paused'], true],
        [['spec', 'selector', 'matchLabels', 'app'], 'shop'],
      ),
    ).toMatchObject({
      fields: ['settings'],
      settings: ['strategy: RollingUpdate → Recreate', 'paused: false → true', 'selector app: web → shop'],
    })
  })

  test('finds parts that are not cached as `other`', () => {
    expect(after([[...POD, 'tolerations'], [{ key: 'canary' }]])).toMatchObject({ fields: ['other'] })
  })
})

test('compareCronJobs finds the schedule, the suspension and the template', () => {
  const before = captured('cron-job')
  const now = withChange(
    withChange(withChange(before, ['spec', 'schedule'], '0 4 * * *'), ['spec', 'suspend'], true),
    ['spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers', 0, 'image'],
    'shop/import:2',
  )
  const project = (one: unknown) => projectCronJob(one, fakeFingerprint)
  expect(compareCronJobs(project(before), project(now), isWanted)).toMatchObject({
    fields: ['image', 'settings'],
    settings: ['schedule: 0 3 * * * → 0 4 * * *', 'suspended: false → true'],
  })
  const status = withChange(before, ['status'], { lastScheduleTime: '2026-11-25T11:00:00Z' })
  expect(compareCronJobs(project(before), project(status), isWanted)).toBeUndefined()
})
