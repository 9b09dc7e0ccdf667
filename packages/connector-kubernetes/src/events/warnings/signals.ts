import { event } from '@rca/core/connector'
import { container, inNamespace, pod, workload } from '../../kinds/common-signals.ts'

const affected = {
  'k8s.event.affected': 'Which of those that fare alike within ten minutes it is, where not each is told.',
}

const report = {
  'k8s.event.reason': 'Reason, as the component that tells it calls it.',
  'k8s.event.component': 'Component that tells it, such as `kubelet`.',
  'k8s.event.message': 'What it says, without secrets.',
  'k8s.event.count': 'How often it has happened so far.',
  ...affected,
  'k8s.event.first_at': 'When it first happened. ISO 8601.',
}

const repeats =
  'Told at once, and then at the 10th, 100th, … time. What is quiet for ten minutes begins anew when it happens again. Of many objects that fare alike within ten minutes the first ten are told, and the 100th, 1000th, …; of pods whose readiness or startup probes fail the first three.'

/** What components of a cluster report, and what happens to pods as a whole. */
export const clusterEvents = {
  podSchedulingFailed: event({
    name: 'k8s.pod.scheduling_failed',
    severity: 'warning',
    description: `No node can take a pod. ${repeats}`,
    attributes: { ...pod, ...workload, ...report },
  }),
  podEvicted: event({
    name: 'k8s.pod.evicted',
    severity: 'warning',
    description:
      'A pod was ended as a whole, and not for what its containers did: evicted, preempted, out of time, or refused by its node. Told once; of many pods that one node loses for the same reason within ten minutes the first ten, and the 100th, 1000th, ….',
    attributes: {
      ...pod,
      ...workload,
      'k8s.pod.reason': 'Why, such as `Evicted`, `Preempted` or `DeadlineExceeded`.',
      'k8s.event.component': 'Component that tells it, such as `kubelet`.',
      'k8s.event.message': 'What it says, without secrets.',
      ...affected,
    },
  }),
  containerUnhealthy: event({
    name: 'k8s.container.unhealthy',
    severity: 'warning',
    description: `A probe of a container failed. ${repeats}`,
    attributes: {
      ...container,
      ...workload,
      ...report,
      'k8s.event.message_missing': 'Why it is not told what the probe says.',
      'k8s.container.probe.kind': '`liveness`, `readiness` or `startup`.',
    },
  }),
  quotaExceeded: event({
    name: 'k8s.quota.exceeded',
    severity: 'error',
    description: `A workload gets no pods, or none of the claims or jobs that it makes, since a quota of its namespace is used up. ${repeats}`,
    attributes: {
      ...workload,
      ...report,
      'k8s.resourcequota.name': 'Name of the quota.',
      'k8s.quota.refused': 'Resource of what is refused, such as `pods`, `persistentvolumeclaims` or `jobs.batch`.',
      'k8s.quota.requested': 'What was asked for, as `pods=1`.',
      'k8s.quota.used': 'What is used, as `pods=10`.',
      'k8s.quota.limited': 'What may be used, as `pods=10`.',
    },
  }),
  podsRefused: event({
    name: 'k8s.workload.pods_refused',
    severity: 'error',
    description: `A workload gets no pods: an admission controller, a limit range or a security policy refuses them. ${repeats}`,
    attributes: { ...workload, ...report },
  }),
  volumeMountFailed: event({
    name: 'k8s.volume.mount_failed',
    severity: 'error',
    description: `A volume cannot be made, attached or mounted. ${repeats}`,
    attributes: {
      ...pod,
      ...workload,
      ...report,
      'k8s.persistentvolumeclaim.name': 'Claim that is waited for.',
    },
  }),
  deletionStuck: event({
    name: 'k8s.deletion.stuck',
    severity: 'warning',
    description:
      'An object was to be gone, and is still there: a pod a minute after its grace, anything else five minutes after it was deleted, a namespace or a claim not before five minutes after the grace of the pods that it waits for. Of many of a kind within ten minutes that have the same finalizers, that are on the same node that is not ready or gone, or whose namespaces say alike why they remain, the first ten are told, and the 100th, 1000th, …; of others those of a namespace count together.',
    attributes: {
      ...inNamespace,
      'k8s.object.kind': 'Kind of the object.',
      'k8s.object.name': 'Name of the object.',
      'k8s.node.name': 'Node of a pod.',
      'k8s.deletion.due_at': 'When it was to be gone. ISO 8601.',
      'k8s.deletion.finalizers': 'Names of those whose work its deletion waits for.',
      'k8s.deletion.waits_for':
        'What is known of why it is still there, such as `finalizer example.test/backup`, `pod web-1 uses it`, `container app runs`, `node worker-1 is gone`, or what its namespace says remains.',
      ...affected,
    },
  }),
  clusterEvent: event({
    name: 'k8s.event',
    severity: 'warning',
    description: `Any other warning that a component of the cluster reports. ${repeats}`,
    attributes: {
      ...inNamespace,
      ...report,
      'k8s.object.kind': 'Kind of the object that it is about.',
      'k8s.object.name': 'Name of that object.',
      'k8s.container.name': 'Container that it is about.',
      'k8s.node.name': 'Node of the component that tells it.',
    },
  }),
}
