import { event } from '@rca/core/connector'
import { fields, repeated, SAMPLED, writer } from '../change-attributes.ts'

const node = { 'k8s.node.name': 'Name of the node.' }
const pods = { 'k8s.node.pods': 'Pods on it.' }
const condition = {
  ...node,
  ...pods,
  'k8s.node.condition.type': 'Condition, such as `Ready` or `MemoryPressure`.',
  'k8s.node.condition.status': '`True`, `False`, or `Unknown` if its kubelet no longer reports.',
  'k8s.node.condition.reason': 'Reason of the condition.',
  'k8s.node.condition.message': 'Message of the condition, without secrets.',
  'k8s.node.condition.since': 'When the condition took this status. ISO 8601.',
  'k8s.node.last_heartbeat': 'Last heartbeat of its kubelet. ISO 8601.',
}

/** Events about nodes. */
export const signals = {
  nodeNotReady: event({
    name: 'k8s.node.not_ready',
    severity: 'critical',
    description: 'A node that was ready is not ready, or its kubelet no longer reports.',
    attributes: condition,
  }),
  nodeReady: event({
    name: 'k8s.node.ready',
    severity: 'info',
    description: 'A node that was not ready is ready.',
    attributes: condition,
  }),
  nodePressure: event({
    name: 'k8s.node.pressure',
    severity: 'warning',
    description: `A node is short of memory, disk or process ids, or has no network. ${SAMPLED}`,
    attributes: { ...condition, ...repeated },
  }),
  nodePressureEnded: event({
    name: 'k8s.node.pressure_ended',
    severity: 'info',
    description: 'A node is no longer short of memory, disk or process ids, or has its network again.',
    attributes: condition,
  }),
  nodeCordoned: event({
    name: 'k8s.node.cordoned',
    severity: 'warning',
    description: 'A node was cordoned: no new pods are scheduled on it.',
    attributes: { ...node, ...pods, ...writer },
  }),
  nodeUncordoned: event({
    name: 'k8s.node.uncordoned',
    severity: 'info',
    description: 'A node that was cordoned takes pods again.',
    attributes: { ...node, ...pods, ...writer },
  }),
  nodeAdded: event({
    name: 'k8s.node.added',
    severity: 'info',
    description: 'A node joined the cluster.',
    attributes: {
      ...node,
      'k8s.node.kubelet_version': 'Version of its kubelet.',
      'k8s.node.provider_id': 'Name of the machine at its provider.',
    },
  }),
  nodeRemoved: event({
    name: 'k8s.node.removed',
    severity: 'warning',
    description: 'A node left the cluster; an error if it still had pods that no DaemonSet made.',
    attributes: {
      ...node,
      ...pods,
      'k8s.node.pods.bereft': 'Pods on it that no DaemonSet made: they are deleted, or run elsewhere now.',
    },
  }),
  nodeChanged: event({
    name: 'k8s.node.changed',
    severity: 'info',
    description: 'A node has other versions, taints, addresses, or offers other amounts of resources.',
    attributes: {
      ...node,
      ...writer,
      ...fields,
      'change.versions': 'Versions, each as `kubelet: v1.30.1 → v1.31.0`.',
      'change.taints.added': 'Taints that were added, as `key=value:effect`.',
      'change.taints.removed': 'Taints that were removed.',
      'change.allocatable': 'Resources that it offers to pods, each as `memory: 16777216 → 8388608`.',
      'change.addresses': 'Addresses, each as `InternalIP: 10.0.0.1 → 10.0.0.2`.',
    },
  }),
  nodeRebooted: event({
    name: 'k8s.node.rebooted',
    severity: 'warning',
    description: 'A node was rebooted.',
    attributes: { ...node, ...pods },
  }),
}
