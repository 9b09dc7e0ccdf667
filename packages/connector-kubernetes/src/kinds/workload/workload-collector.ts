import { entity, type NameFilter } from '@rca/core/connector'
import {
  commonAttributes,
  configRelations,
  helm,
  imagesOf,
  namespaced,
  ownedByWorkloadUsingConfig,
  ownerRelation,
  upDownCounter,
} from '../common-signals.ts'
import { kindCollector } from '../kind-collector.ts'
import { namedId } from '../references.ts'
import type { Workload } from './workload-projection.ts'

const workloadAttributes = {
  'k8s.workload.replicas.desired': 'Desired number of pods.',
  'k8s.workload.revision': 'Desired revision.',
  'k8s.workload.paused': 'Whether the rollout is paused.',
  'k8s.workload.strategy': 'Update strategy: `RollingUpdate`, `Recreate` or `OnDelete`.',
  'k8s.workload.images': 'Container images, as `name=image`.',
  'k8s.workload.service_account': 'Service account of the pods.',
  ...helm,
}

export const deploymentSignals = {
  deployment: entity({
    type: 'k8s.deployment',
    description: 'A Deployment.',
    attributes: { ...namespaced('deployment'), ...workloadAttributes },
    relations: ownedByWorkloadUsingConfig,
  }),
  deploymentDesired: upDownCounter('k8s.deployment.pod.desired', '{pod}', 'Desired pods of a Deployment.'),
  deploymentAvailable: upDownCounter('k8s.deployment.pod.available', '{pod}', 'Available pods of a Deployment.'),
  deploymentReady: upDownCounter('k8s.deployment.pod.ready', '{pod}', 'Ready pods of a Deployment.'),
  deploymentUpdated: upDownCounter(
    'k8s.deployment.pod.updated',
    '{pod}',
    'Pods of a Deployment that match its current template.',
  ),
}

export const statefulSetSignals = {
  statefulSet: entity({
    type: 'k8s.statefulset',
    description: 'A StatefulSet.',
    attributes: { ...namespaced('statefulset'), ...workloadAttributes },
    relations: ownedByWorkloadUsingConfig,
  }),
  statefulSetDesired: upDownCounter('k8s.statefulset.pod.desired', '{pod}', 'Desired pods of a StatefulSet.'),
  statefulSetCurrent: upDownCounter('k8s.statefulset.pod.current', '{pod}', 'Existing pods of a StatefulSet.'),
  statefulSetAvailable: upDownCounter('k8s.statefulset.pod.available', '{pod}', 'Available pods of a StatefulSet.'),
  statefulSetReady: upDownCounter('k8s.statefulset.pod.ready', '{pod}', 'Ready pods of a StatefulSet.'),
  statefulSetUpdated: upDownCounter(
    'k8s.statefulset.pod.updated',
    '{pod}',
    'Pods of a StatefulSet that match its current template.',
  ),
}

export const daemonSetSignals = {
  daemonSet: entity({
    type: 'k8s.daemonset',
    description: 'A DaemonSet.',
    attributes: { ...namespaced('daemonset'), ...workloadAttributes },
    relations: ownedByWorkloadUsingConfig,
  }),
  daemonSetDesired: upDownCounter(
    'k8s.daemonset.node.desired_scheduled',
    '{node}',
    'Nodes that should run a pod of a DaemonSet.',
  ),
  daemonSetCurrent: upDownCounter(
    'k8s.daemonset.node.current_scheduled',
    '{node}',
    'Nodes that run a pod of a DaemonSet and should.',
  ),
  daemonSetReady: upDownCounter('k8s.daemonset.node.ready', '{node}', 'Nodes with a ready pod of a DaemonSet.'),
  daemonSetAvailable: upDownCounter(
    'k8s.daemonset.node.available',
    '{node}',
    'Nodes with an available pod of a DaemonSet.',
  ),
  daemonSetMisscheduled: upDownCounter(
    'k8s.daemonset.node.misscheduled',
    '{node}',
    'Nodes that run a pod of a DaemonSet but should not.',
  ),
}

const signals = { ...deploymentSignals, ...statefulSetSignals, ...daemonSetSignals }

export const deployments = kindCollector('deployments', {
  type: signals.deployment.type,
  entity: (deployment: Workload, allowsLabel) =>
    signals.deployment.entity(describe('deployment', deployment, allowsLabel)),
  metrics: ({ desired, available, ready, updated }, entity) => [
    signals.deploymentDesired.point(desired, entity),
    signals.deploymentAvailable.point(available, entity),
    signals.deploymentReady.point(ready, entity),
    signals.deploymentUpdated.point(updated, entity),
  ],
})

export const statefulSets = kindCollector('statefulSets', {
  type: signals.statefulSet.type,
  entity: (statefulSet: Workload, allowsLabel) =>
    signals.statefulSet.entity(describe('statefulset', statefulSet, allowsLabel)),
  metrics: ({ desired, current, available, ready, updated }, entity) => [
    signals.statefulSetDesired.point(desired, entity),
    signals.statefulSetCurrent.point(current, entity),
    signals.statefulSetAvailable.point(available, entity),
    signals.statefulSetReady.point(ready, entity),
    signals.statefulSetUpdated.point(updated, entity),
  ],
})

export const daemonSets = kindCollector('daemonSets', {
  type: signals.daemonSet.type,
  entity: (daemonSet: Workload, allowsLabel) => signals.daemonSet.entity(describe('daemonset', daemonSet, allowsLabel)),
  metrics: ({ desired, current, available, ready, misscheduled }, entity) => [
    signals.daemonSetDesired.point(desired, entity),
    signals.daemonSetCurrent.point(current, entity),
    signals.daemonSetAvailable.point(available, entity),
    signals.daemonSetReady.point(ready, entity),
    signals.daemonSetMisscheduled.point(misscheduled, entity),
  ],
})

function describe(kind: 'deployment' | 'statefulset' | 'daemonset', workload: Workload, allowsLabel: NameFilter) {
  const { desired, revision, isPaused, strategy, template, helm } = workload
  return {
    id: namedId(workload),
    name: workload.name,
    attributes: {
      ...commonAttributes(kind, workload, allowsLabel),
      'k8s.workload.replicas.desired': desired,
      'k8s.workload.revision': revision,
      'k8s.workload.paused': isPaused,
      'k8s.workload.strategy': strategy,
      'k8s.workload.images': imagesOf(template.containers),
      'k8s.workload.service_account': template.serviceAccount,
      'k8s.helm.release': helm?.name,
      'k8s.helm.chart': helm?.chart,
    },
    relations: [ownerRelation(workload), ...configRelations(workload)],
  }
}
