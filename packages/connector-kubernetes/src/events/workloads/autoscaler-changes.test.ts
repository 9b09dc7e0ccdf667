import { describe, expect, test } from 'vitest'
import { withChange } from '../../../test/changed-object.ts'
import { captured } from '../../../test/fixtures.ts'
import { followedCluster } from '../../../test/followed-cluster.ts'
import { watchDeclared } from '../../../test/watch-declared.ts'
import { autoscalerChanges } from './autoscaler-changes.ts'

const now = new Date('2026-11-25T02:00:00Z')
const since = '2026-11-25T01:59:00Z'

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
