import { describe, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { claimChanges } from '../services/claim-changes.ts'
import { autoscalerChanges } from './autoscaler-changes.ts'
import { jobFailures } from './job-failures.ts'

const now = new Date('2026-11-25T02:00:00Z')
const since = '2026-11-25T01:59:00Z'

describe('a Job', () => {
  const failed = (name: string, at = since, owner?: string) => ({
    metadata: {
      name,
      uid: name,
      namespace: 'scene',
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ kind: 'CronJob', name: owner, uid: owner, controller: true }] }),
    },
    status: {
      failed: 4,
      conditions: [
        {
          type: 'Failed',
          status: 'True',
          reason: 'BackoffLimitExceeded',
          message: 'token=canary-message',
          lastTransitionTime: at,
        },
      ],
    },
  })

  test('is reported once when it fails, and at the start of the agent if it failed recently', () => {
    const cluster = followedCluster()
    cluster.put('jobs', failed('long-ago', '2026-11-25T01:00:00Z'))
    cluster.put('jobs', failed('recent'))
    cluster.put('jobs', { metadata: { name: 'running', uid: 'running', namespace: 'scene' } })
    cluster.listed()
    const { events } = watchDeclared(cluster, jobFailures, () => now)
    cluster.put('jobs', failed('running'))
    cluster.put('jobs', failed('running'))
    expect(events.map(({ id }) => id)).toEqual(['k8s/recent/failed', 'k8s/running/failed'])
    expect(events[1]).toMatchObject({
      severity: 'error',
      at: '2026-11-25T01:59:00.000Z',
      body: 'Job scene/running has failed: BackoffLimitExceeded',
      attributes: { 'k8s.job.failed_pods': 4 },
    })
    expect(JSON.stringify(events)).not.toContain('canary')
  })

  test('is sampled with the other Jobs of its CronJob', () => {
    const cluster = followedCluster()
    cluster.listed()
    const { events } = watchDeclared(cluster, jobFailures, () => now)
    for (let index = 0; index < 12; index += 1) cluster.put('jobs', failed(`run-${index}`, since, 'nightly'))
    expect(events).toHaveLength(5)
    expect(events[4]).toMatchObject({ attributes: { 'k8s.cronjob.name': 'nightly', 'change.count': 10 } })
  })
})

describe('an autoscaler', () => {
  const autoscaler = captured('autoscaler-v2beta2')
  const is = (...conditions: readonly (readonly [type: string, status: string, reason: string])[]) =>
    withChange(
      autoscaler,
      ['status', 'conditions'],
      conditions.map(([type, status, reason]) => ({ type, status, reason, message: 'm', lastTransitionTime: since })),
    )

  test('is reported once when it is limited or cannot scale', () => {
    const cluster = followedCluster()
    cluster.put('horizontalPodAutoscalers', is())
    cluster.listed()
    const { events } = watchDeclared(cluster, autoscalerChanges, () => now)
    cluster.put('horizontalPodAutoscalers', is(['ScalingLimited', 'True', 'TooFewReplicas']))
    cluster.put('horizontalPodAutoscalers', is(['ScalingActive', 'False', 'ScalingDisabled']))
    const limited = ['ScalingLimited', 'True', 'TooManyReplicas'] as const
    cluster.put('horizontalPodAutoscalers', is(limited))
    cluster.put('horizontalPodAutoscalers', is(limited, ['ScalingActive', 'False', 'FailedGetResourceMetric']))
    expect(events.map(({ name, body }) => [name, body])).toEqual([
      ['k8s.hpa.limited', 'HorizontalPodAutoscaler scene/web is at its maximum of 9 pods'],
      ['k8s.hpa.unable_to_scale', 'HorizontalPodAutoscaler scene/web cannot scale: FailedGetResourceMetric'],
    ])
    expect(events[0]).toMatchObject({ attributes: { 'k8s.hpa.target': 'Deployment/web', 'k8s.hpa.replicas.max': 9 } })
  })

  test('is reported when its bounds are changed', () => {
    const cluster = followedCluster()
    cluster.put('horizontalPodAutoscalers', autoscaler)
    cluster.listed()
    const { events } = watchDeclared(cluster, autoscalerChanges, () => now)
    cluster.put('horizontalPodAutoscalers', withChange(autoscaler, ['spec', 'maxReplicas'], 3))
    expect(events).toMatchObject([{ name: 'k8s.hpa.changed', attributes: { 'change.settings': ['max: 9 → 3'] } }])
  })
})

test('reports a claim that is bound to its volume and loses it', () => {
  const claim = captured('claim')
  const cluster = followedCluster()
  cluster.put('persistentVolumeClaims', withChange(claim, ['status', 'phase'], 'Pending'))
  cluster.listed()
  const { events } = watchDeclared(cluster, claimChanges, () => now)
  const bound = withChange(claim, ['spec', 'volumeName'], 'pv-1')
  cluster.put('persistentVolumeClaims', withChange(bound, ['status', 'phase'], 'Bound'))
  cluster.put('persistentVolumeClaims', withChange(bound, ['status', 'phase'], 'Lost'))
  expect(events.map(({ severity, body }) => [severity, body])).toEqual([
    ['info', 'PersistentVolumeClaim scene/data is bound to volume pv-1'],
    ['error', 'PersistentVolumeClaim scene/data has lost its volume pv-1'],
  ])
})
