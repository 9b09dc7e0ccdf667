import { metric } from '@rca/core/connector'

/** A current number of things. */
function amount<const Name extends string>(name: Name, unit: string, description: string) {
  return metric({ name, unit, kind: 'updowncounter', description })
}

const resource = { 'k8s.resource.name': 'Resource as the cluster names it, such as `requests.cpu` or `pods`.' }
const condition = { 'k8s.node.condition.type': 'Condition, such as `Ready` or `MemoryPressure`.' }

/** What is measured of a cluster's objects; what they use is in `usage.ts`. */
export const metrics = {
  clusterObjects: metric({
    name: 'k8s.cluster.objects',
    unit: '{object}',
    kind: 'updowncounter',
    description: 'Objects that are followed.',
    attributes: { 'k8s.resource.name': 'Kind of object, such as `pods`.' },
  }),

  podPhase: metric({
    name: 'k8s.pod.phase',
    unit: '1',
    kind: 'gauge',
    description: 'Phase of a pod: 1 `Pending`, 2 `Running`, 3 `Succeeded`, 4 `Failed`, 5 `Unknown`.',
  }),
  podReady: amount('k8s.pod.ready', '1', 'Whether a pod counts as ready: 1 or 0.'),

  containerReady: amount('k8s.container.ready', '1', 'Whether a container counts as ready: 1 or 0.'),
  containerRestarts: metric({
    name: 'k8s.container.restart.count',
    unit: '{restart}',
    kind: 'counter',
    description:
      'How often a container was started again in its pod. Kubelets keep count as long as they keep its runs.',
  }),
  containerWaiting: metric({
    name: 'k8s.container.status.reason',
    unit: '{container}',
    kind: 'updowncounter',
    description: 'A container that is not running, by the reason for that; nothing for those that run.',
    attributes: { 'k8s.container.status.reason': 'Reason, such as `CrashLoopBackOff` or `OOMKilled`.' },
  }),
  containerLastExitCode: metric({
    name: 'k8s.container.status.last_terminated_exitcode',
    unit: '1',
    kind: 'gauge',
    description: 'Exit code of the last run of a container that has ended at least once.',
    attributes: { 'k8s.container.status.last_terminated_reason': 'Why it ended, such as `OOMKilled` or `Error`.' },
  }),
  containerCpuRequest: amount('k8s.container.cpu.request', '{cpu}', 'Processors that are kept for a container.'),
  containerCpuLimit: amount('k8s.container.cpu.limit', '{cpu}', 'Processors that a container may use.'),
  containerMemoryRequest: amount('k8s.container.memory.request', 'By', 'Memory that is kept for a container.'),
  containerMemoryLimit: amount('k8s.container.memory.limit', 'By', 'Memory that a container may use.'),

  deploymentDesired: amount('k8s.deployment.pod.desired', '{pod}', 'Pods that a Deployment wants.'),
  deploymentAvailable: amount(
    'k8s.deployment.pod.available',
    '{pod}',
    'Pods of a Deployment that have been ready for long enough.',
  ),
  deploymentReady: amount('k8s.deployment.pod.ready', '{pod}', 'Ready pods of a Deployment.'),
  deploymentUpdated: amount(
    'k8s.deployment.pod.updated',
    '{pod}',
    'Pods of a Deployment that are as its template wants them.',
  ),
  statefulSetDesired: amount('k8s.statefulset.pod.desired', '{pod}', 'Pods that a StatefulSet wants.'),
  statefulSetCurrent: amount('k8s.statefulset.pod.current', '{pod}', 'Pods that a StatefulSet has.'),
  statefulSetAvailable: amount(
    'k8s.statefulset.pod.available',
    '{pod}',
    'Pods of a StatefulSet that have been ready for long enough.',
  ),
  statefulSetReady: amount('k8s.statefulset.pod.ready', '{pod}', 'Ready pods of a StatefulSet.'),
  statefulSetUpdated: amount(
    'k8s.statefulset.pod.updated',
    '{pod}',
    'Pods of a StatefulSet that are as its template wants them.',
  ),
  daemonSetDesired: amount(
    'k8s.daemonset.node.desired_scheduled',
    '{node}',
    'Nodes that should run a pod of a DaemonSet.',
  ),
  daemonSetCurrent: amount(
    'k8s.daemonset.node.current_scheduled',
    '{node}',
    'Nodes that run a pod of a DaemonSet, and should.',
  ),
  daemonSetReady: amount('k8s.daemonset.node.ready', '{node}', 'Nodes on which a pod of a DaemonSet is ready.'),
  daemonSetAvailable: amount(
    'k8s.daemonset.node.available',
    '{node}',
    'Nodes on which a pod of a DaemonSet has been ready for long enough.',
  ),
  daemonSetMisscheduled: amount(
    'k8s.daemonset.node.misscheduled',
    '{node}',
    'Nodes that run a pod of a DaemonSet, and should not.',
  ),
  replicaSetDesired: amount('k8s.replicaset.pod.desired', '{pod}', 'Pods that a ReplicaSet wants.'),
  replicaSetReady: amount('k8s.replicaset.pod.ready', '{pod}', 'Ready pods of a ReplicaSet.'),
  replicaSetAvailable: amount(
    'k8s.replicaset.pod.available',
    '{pod}',
    'Pods of a ReplicaSet that have been ready for long enough.',
  ),

  jobActivePods: amount('k8s.job.pod.active', '{pod}', 'Pods of a Job that run.'),
  jobSuccessfulPods: amount('k8s.job.pod.successful', '{pod}', 'Pods of a Job that have succeeded.'),
  jobFailedPods: amount('k8s.job.pod.failed', '{pod}', 'Pods of a Job that have failed.'),
  jobDesiredPods: amount('k8s.job.pod.desired_successful', '{pod}', 'Pods of a Job that have to succeed.'),
  cronJobActive: amount('k8s.cronjob.job.active', '{job}', 'Jobs of a CronJob that run.'),

  autoscalerMin: amount('k8s.hpa.pod.min', '{pod}', 'Fewest pods that an autoscaler allows.'),
  autoscalerMax: amount('k8s.hpa.pod.max', '{pod}', 'Most pods that an autoscaler allows.'),
  autoscalerCurrent: amount('k8s.hpa.pod.current', '{pod}', 'Pods that an autoscaler counts.'),
  autoscalerDesired: amount('k8s.hpa.pod.desired', '{pod}', 'Pods that an autoscaler wants.'),

  disruptionsAllowed: amount(
    'k8s.poddisruptionbudget.pod.disruptions_allowed',
    '{pod}',
    'Pods that may be taken away now.',
  ),
  disruptionHealthy: amount('k8s.poddisruptionbudget.pod.healthy', '{pod}', 'Healthy pods of a budget.'),
  disruptionDesired: amount('k8s.poddisruptionbudget.pod.desired_healthy', '{pod}', 'Pods that have to be healthy.'),

  serviceReadyEndpoints: amount('k8s.service.endpoint.ready', '{endpoint}', 'Ready endpoints behind a Service.'),
  serviceEndpoints: amount('k8s.service.endpoint.count', '{endpoint}', 'Endpoints behind a Service.'),

  claimRequested: amount('k8s.persistentvolumeclaim.requested', 'By', 'Storage that a claim asks for.'),
  claimCapacity: amount('k8s.persistentvolumeclaim.capacity', 'By', 'Storage that a claim got.'),

  namespacePhase: metric({
    name: 'k8s.namespace.phase',
    unit: '1',
    kind: 'gauge',
    description: 'Phase of a namespace: 1 `Active`, 0 `Terminating`.',
  }),
  quotaHard: metric({
    name: 'k8s.resourcequota.hard',
    unit: '1',
    kind: 'updowncounter',
    description: 'Most of a resource that a namespace may use: processors, bytes or pieces.',
    attributes: resource,
  }),
  quotaUsed: metric({
    name: 'k8s.resourcequota.used',
    unit: '1',
    kind: 'updowncounter',
    description: 'How much of a resource a namespace uses: processors, bytes or pieces.',
    attributes: resource,
  }),

  nodeCondition: metric({
    name: 'k8s.node.condition',
    unit: '1',
    kind: 'gauge',
    description: 'Whether a condition of a node holds: 1 `True`, 0 `False`, -1 `Unknown`.',
    attributes: condition,
  }),
  nodeCpuAllocatable: amount('k8s.node.cpu.allocatable', '{cpu}', 'Processors of a node that pods may have.'),
  nodeMemoryAllocatable: amount('k8s.node.memory.allocatable', 'By', 'Memory of a node that pods may have.'),
  nodeStorageAllocatable: amount(
    'k8s.node.ephemeral_storage.allocatable',
    'By',
    'Local storage of a node that pods may have.',
  ),
  nodePodAllocatable: amount('k8s.node.pod.allocatable', '{pod}', 'Pods that a node may have.'),
  nodePods: amount('k8s.node.pod.count', '{pod}', 'Pods on a node that have not ended.'),
  nodeCpuRequested: amount(
    'k8s.node.cpu.requested',
    '{cpu}',
    'Processors of a node that are kept for its pods, as the scheduler counts them.',
  ),
  nodeMemoryRequested: amount(
    'k8s.node.memory.requested',
    'By',
    'Memory of a node that is kept for its pods, as the scheduler counts it.',
  ),
  nodeCpuLimited: amount('k8s.node.cpu.limited', '{cpu}', 'Sum of the limits of the pods of a node.'),
  nodeMemoryLimited: amount('k8s.node.memory.limited', 'By', 'Sum of the limits of the pods of a node.'),
}
