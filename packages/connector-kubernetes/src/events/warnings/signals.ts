import { event } from '@rca/core/connector'
import { container, inNamespace, pod, workload } from '../../kinds/common-signals.ts'
import { SAMPLED } from '../change-attributes.ts'

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
  podSchedulingFailed: event({
    name: 'k8s.pod.scheduling_failed',
    severity: 'warning',
    description: `No node can take a pod. ${sampled}`,
    attributes: { ...pod, ...workload, ...report },
  }),
  podEvicted: event({
    name: 'k8s.pod.evicted',
    severity: 'warning',
    description: `A pod was ended as a whole, and not because its containers failed: evicted, preempted, past its deadline, or refused by its node. Reported once per pod. ${SAMPLED} Pods that one node loses for the same reason count together.`,
    attributes: {
      ...pod,
      ...workload,
      'k8s.pod.reason': 'Reason, such as `Evicted`, `Preempted` or `DeadlineExceeded`.',
      'k8s.event.component': 'Component that reports it, such as `kubelet`.',
      'k8s.event.message': 'Message of the component, without secrets.',
      ...affected,
    },
  }),
  containerUnhealthy: event({
    name: 'k8s.container.unhealthy',
    severity: 'warning',
    description: `A probe of a container failed. ${sampled}`,
    attributes: {
      ...container,
      ...workload,
      ...report,
      'k8s.event.message_missing': 'Why the message of the probe is left out.',
      'k8s.container.probe.kind': '`liveness`, `readiness` or `startup`.',
    },
  }),
  quotaExceeded: event({
    name: 'k8s.quota.exceeded',
    severity: 'error',
    description: `A workload cannot create pods, claims or jobs because a quota of its namespace is used up. ${sampled}`,
    attributes: {
      ...workload,
      ...report,
      'k8s.resourcequota.name': 'Name of the quota.',
      'k8s.quota.refused': 'Resource that is refused, such as `pods`, `persistentvolumeclaims` or `jobs.batch`.',
      'k8s.quota.requested': 'Requested amounts, as `pods=1`.',
      'k8s.quota.used': 'Used amounts, as `pods=10`.',
      'k8s.quota.limited': 'Allowed amounts, as `pods=10`.',
    },
  }),
  podsRefused: event({
    name: 'k8s.workload.pods_refused',
    severity: 'error',
    description: `A workload cannot create pods: an admission controller, a limit range or a security policy refuses them. ${sampled}`,
    attributes: { ...workload, ...report },
  }),
  volumeMountFailed: event({
    name: 'k8s.volume.mount_failed',
    severity: 'error',
    description: `A volume cannot be provisioned, attached or mounted. ${sampled}`,
    attributes: {
      ...pod,
      ...workload,
      ...report,
      'k8s.persistentvolumeclaim.name': 'Claim that waits for its volume.',
    },
  }),
  clusterEvent: event({
    name: 'k8s.event',
    severity: 'warning',
    description: `Any other warning that a component of the cluster reports. ${sampled}`,
    attributes: {
      ...inNamespace,
      ...report,
      'k8s.object.kind': 'Kind of the object that it is about.',
      'k8s.object.name': 'Name of that object.',
      'k8s.container.name': 'Container that it is about.',
      'k8s.node.name': 'Node of the component that reports it.',
    },
  }),
}
