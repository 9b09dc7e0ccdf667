import { container, inNamespace, pod, workload } from '../../kinds/common-signals.ts'
import { error, info, SAMPLED, warning } from '../event-declarations.ts'

/** The count of objects to which the same happens. */
export const affected = {
  'k8s.event.affected': 'Number of objects to which the same has happened, from the 10th on.',
}

const report = {
  'k8s.event.reason': 'Reason, as the reporting component calls it.',
  'k8s.event.component': 'Component that reports it, such as `kubelet`.',
  'k8s.event.message': 'Message of the component, without secrets.',
  'k8s.event.count': 'How often it has happened so far.',
  ...affected,
  'k8s.event.first_at': 'When it first happened. ISO 8601.',
}

const sampled = `${SAMPLED} The same of many objects, such as pods of a workload, is sampled by the same rule.`

/** Events that components of a cluster report, and events about whole pods. */
export const signals = {
  podSchedulingFailed: warning(
    'k8s.pod.scheduling_failed',
    `No node can take a pod. Reported once per pod, and again when the scheduler has tried 10, 30, 100, … times. Pods of a workload are sampled: the first four are reported, then the 10th, 30th, 100th, ….`,
    {
      ...pod,
      ...workload,
      ...report,
    },
  ),
  podSchedulingGated: info(
    'k8s.pod.scheduling_gated',
    `A new pod waits until its scheduling gates are removed. ${sampled}`,
    { ...pod, ...workload, 'k8s.pod.scheduling_gates': 'Names of the gates.', ...affected },
  ),
  podEvicted: warning(
    'k8s.pod.evicted',
    `A pod was ended as a whole, and not because its containers failed: evicted, preempted, past its deadline, or refused by its node. Reported once per pod. ${SAMPLED} Pods that one node loses for the same reason count together.`,
    {
      ...pod,
      ...workload,
      'k8s.pod.reason': 'Reason, such as `Evicted`, `Preempted` or `DeadlineExceeded`.',
      'k8s.node.taints': 'Taints of the node that ended the pod, each as `key=value:NoExecute`.',
      'k8s.event.component': 'Component that reports it, such as `kubelet`.',
      'k8s.event.message': 'Message of the component, without secrets.',
      ...affected,
    },
  ),
  containerUnhealthy: warning(
    'k8s.container.unhealthy',
    `A probe of a container failed. A startup probe, which fails until the container has started, is information the first nine times. ${sampled}`,
    {
      ...container,
      ...workload,
      ...report,
      'k8s.event.message_missing': 'Why the message of the probe is left out.',
      'k8s.container.probe.kind': '`liveness`, `readiness` or `startup`.',
    },
  ),
  quotaExceeded: error(
    'k8s.quota.exceeded',
    `A workload cannot create pods, claims or jobs because a quota of its namespace is used up. ${sampled}`,
    {
      ...workload,
      ...report,
      'k8s.resourcequota.name': 'Name of the quota.',
      'k8s.quota.refused': 'Resource that is refused, such as `pods`, `persistentvolumeclaims` or `jobs.batch`.',
      'k8s.quota.requested': 'Requested amounts, as `pods=1`.',
      'k8s.quota.used': 'Used amounts, as `pods=10`.',
      'k8s.quota.limited': 'Allowed amounts, as `pods=10`.',
    },
  ),
  podsRefused: error(
    'k8s.workload.pods_refused',
    `A workload cannot create pods: an admission controller, a limit range or a security policy refuses them. ${sampled}`,
    { ...workload, ...report },
  ),
  volumeMountFailed: error(
    'k8s.volume.mount_failed',
    `A volume cannot be provisioned, attached or mounted; a warning at the first time, since the next attempt may succeed. ${sampled}`,
    {
      ...pod,
      ...workload,
      ...report,
      'k8s.persistentvolumeclaim.name': 'Claim that waits for its volume.',
    },
  ),
  clusterEvent: warning('k8s.event', `Any other warning that a component of the cluster reports. ${sampled}`, {
    ...inNamespace,
    ...report,
    'k8s.object.kind': 'Kind of the object that it is about.',
    'k8s.object.name': 'Name of that object.',
    'k8s.container.name': 'Container that it is about.',
    'k8s.node.name': 'Node of the component that reports it.',
  }),
}
