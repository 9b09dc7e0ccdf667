import type { Metric } from '@rca/core/connector'
import { signals } from '../../signals.ts'
import { commonAttributes, imagesOf, ownerRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import { namedId } from '../references.ts'
import type { Workload } from './workload.ts'

/** Every Deployment, and how many of its pods there are. */
export const deployments = kindCollector('deployments', {
  entities: (workload, isWantedLabel) => [
    signals.deployment.entity({
      ...common(workload),
      attributes: { ...commonAttributes('deployment', workload, isWantedLabel), ...attributesOf(workload) },
    }),
  ],
  metrics: ({ desired, available, ready, updated }, entity): (Metric | undefined)[] => [
    signals.deploymentDesired.point(desired, entity),
    signals.deploymentAvailable.point(available, entity),
    signals.deploymentReady.point(ready, entity),
    signals.deploymentUpdated.point(updated, entity),
  ],
})

/** Every StatefulSet, and how many of its pods there are. */
export const statefulSets = kindCollector('statefulSets', {
  entities: (workload, isWantedLabel) => [
    signals.statefulSet.entity({
      ...common(workload),
      attributes: { ...commonAttributes('statefulset', workload, isWantedLabel), ...attributesOf(workload) },
    }),
  ],
  metrics: ({ desired, current, available, ready, updated }, entity): (Metric | undefined)[] => [
    signals.statefulSetDesired.point(desired, entity),
    signals.statefulSetCurrent.point(current, entity),
    signals.statefulSetAvailable.point(available, entity),
    signals.statefulSetReady.point(ready, entity),
    signals.statefulSetUpdated.point(updated, entity),
  ],
})

/** Every DaemonSet, and on how many nodes its pods are. */
export const daemonSets = kindCollector('daemonSets', {
  entities: (workload, isWantedLabel) => [
    signals.daemonSet.entity({
      ...common(workload),
      attributes: { ...commonAttributes('daemonset', workload, isWantedLabel), ...attributesOf(workload) },
    }),
  ],
  metrics: ({ desired, current, available, ready, misscheduled }, entity): (Metric | undefined)[] => [
    signals.daemonSetDesired.point(desired, entity),
    signals.daemonSetCurrent.point(current, entity),
    signals.daemonSetAvailable.point(available, entity),
    signals.daemonSetReady.point(ready, entity),
    signals.daemonSetMisscheduled.point(misscheduled, entity),
  ],
})

/** Every ReplicaSet that has pods or wants some. A cluster keeps ten old ones of each Deployment, which have none. */
export const replicaSets = kindCollector('replicaSets', {
  isWanted: ({ desired, current }) => desired > 0 || current > 0,
  entities: (replicaSet, isWantedLabel) => [
    signals.replicaSet.entity({
      ...common(replicaSet),
      attributes: {
        ...commonAttributes('replicaset', replicaSet, isWantedLabel),
        'k8s.workload.revision': replicaSet.revision,
      },
    }),
  ],
  metrics: ({ desired, available, ready }, entity): (Metric | undefined)[] => [
    signals.replicaSetDesired.point(desired, entity),
    signals.replicaSetReady.point(ready, entity),
    signals.replicaSetAvailable.point(available, entity),
  ],
})

function common(object: Parameters<typeof ownerRelation>[0] & { readonly name: string }) {
  return { id: namedId(object), name: object.name, relations: [ownerRelation(object)] }
}

function attributesOf({ desired, revision, isPaused, strategy, template, helm }: Workload) {
  return {
    'k8s.workload.replicas.desired': desired,
    'k8s.workload.revision': revision,
    'k8s.workload.paused': isPaused,
    'k8s.workload.strategy': strategy,
    'k8s.workload.images': imagesOf(template.containers),
    'k8s.workload.service_account': template.serviceAccount,
    'k8s.helm.release': helm?.name,
    'k8s.helm.chart': helm?.chart,
  }
}
