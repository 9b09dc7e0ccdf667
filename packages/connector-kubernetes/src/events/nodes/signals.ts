import { critical, fields, info, repeated, SAMPLED, warning, writer } from '../event-declarations.ts'

const node = { 'k8s.node.name': 'Name of the node.' }
const pods = { 'k8s.node.pods': 'Pods on it.' }
const cordon = { ...node, ...pods, ...writer }
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
  nodeNotReady: critical(
    'k8s.node.not_ready',
    'A node that was ready is not ready, or its kubelet no longer reports.',
    condition,
  ),
  nodeReady: info('k8s.node.ready', 'A node that was not ready is ready.', condition),
  nodePressure: warning(
    'k8s.node.pressure',
    `A node is short of memory, disk or process ids, or has no network. ${SAMPLED}`,
    { ...condition, ...repeated },
  ),
  nodePressureEnded: info(
    'k8s.node.pressure_ended',
    'A node is no longer short of memory, disk or process ids, or has its network again.',
    condition,
  ),
  nodeCordoned: warning('k8s.node.cordoned', 'A node was cordoned: no new pods are scheduled on it.', cordon),
  nodeUncordoned: info('k8s.node.uncordoned', 'A node that was cordoned takes pods again.', cordon),
  nodeAdded: info('k8s.node.added', 'A node joined the cluster.', {
    ...node,
    'k8s.node.kubelet_version': 'Version of its kubelet.',
    'k8s.node.provider_id': 'Name of the machine at its provider.',
  }),
  nodeRemoved: warning(
    'k8s.node.removed',
    'A node left the cluster; an error if it still had pods that no DaemonSet made.',
    {
      ...node,
      ...pods,
      'k8s.node.pods.bereft': 'Pods on it that no DaemonSet made: they are deleted, or run elsewhere now.',
    },
  ),
  nodeChanged: info(
    'k8s.node.changed',
    'A node has other versions, taints, addresses, or offers other amounts of resources.',
    {
      ...node,
      ...writer,
      ...fields,
      'change.versions': 'Versions, each as `kubelet: v1.30.1 → v1.31.0`.',
      'change.taints.added': 'Taints that were added, as `key=value:effect`.',
      'change.taints.removed': 'Taints that were removed.',
      'change.allocatable': 'Resources that it offers to pods, each as `memory: 16Gi → 8Gi`.',
      'change.addresses': 'Addresses, each as `InternalIP: 10.0.0.1 → 10.0.0.2`.',
    },
  ),
  nodeRebooted: warning('k8s.node.rebooted', 'A node was rebooted.', { ...node, ...pods }),
}
