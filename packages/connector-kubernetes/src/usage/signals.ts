import { metric } from '@rca/core/connector'
import { nodeUsageMetrics } from './node-signals.ts'

const networkDirection = { 'network.io.direction': '`receive` or `transmit`.' }
const storage = { 'k8s.container.ephemeral_storage.fs_type': '`rootfs` for the writable layer, or `logs`.' }
const volume = {
  'k8s.persistentvolumeclaim.name': 'Name of the claim. Absent for another volume of a pod.',
  'k8s.volume.name': 'Name of the volume in its pod. Absent for a claim with an entity.',
}

/**
 * Usage of nodes, pods, containers and volumes. Names and kinds follow the OpenTelemetry semantic conventions, except
 * that container memory is a gauge, as in every connector with containers. `k8s.node.image_filesystem.*` and
 * `k8s.*.process.*` are additions.
 */
export const usageMetrics = {
  ...nodeUsageMetrics,
  podCpuUsage: metric({
    name: 'k8s.pod.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'CPUs that a pod used in the last seconds.',
  }),
  podMemoryWorkingSet: metric({
    name: 'k8s.pod.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Working set of a pod: memory in use without inactive files. Kubelets evict pods by it.',
  }),
  podNetworkIo: metric({
    name: 'k8s.pod.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Network traffic of a pod. Absent for a pod in the host network.',
    attributes: networkDirection,
  }),
  podFilesystemUsage: metric({
    name: 'k8s.pod.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Ephemeral storage of a pod: writable layers, logs and `emptyDir` volumes.',
  }),
  podProcessCount: metric({
    name: 'k8s.pod.process.count',
    unit: '{process}',
    kind: 'updowncounter',
    description: 'Processes of a pod.',
  }),
  containerCpuTime: metric({
    name: 'container.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'CPU time of a container.',
  }),
  containerCpuUsage: metric({
    name: 'container.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'CPUs that a container used in the last seconds.',
  }),
  containerMemoryWorkingSet: metric({
    name: 'container.memory.working_set',
    unit: 'By',
    kind: 'gauge',
    description: 'Working set of a container: memory in use without inactive files.',
  }),
  containerMemoryRss: metric({
    name: 'container.memory.rss',
    unit: 'By',
    kind: 'gauge',
    description: 'Anonymous memory of a container.',
  }),
  containerStorageUsage: metric({
    name: 'k8s.container.ephemeral_storage.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Space of a container on its node.',
    attributes: storage,
  }),
  volumeAvailable: metric({
    name: 'k8s.pod.volume.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Free space of a volume.',
    attributes: volume,
  }),
  volumeCapacity: metric({
    name: 'k8s.pod.volume.capacity',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of a volume.',
    attributes: volume,
  }),
  volumeUsage: metric({
    name: 'k8s.pod.volume.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Used space of a volume.',
    attributes: volume,
  }),
  volumeInodes: metric({
    name: 'k8s.pod.volume.inode.count',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes of a volume.',
    attributes: volume,
  }),
  volumeInodesFree: metric({
    name: 'k8s.pod.volume.inode.free',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Free inodes of a volume.',
    attributes: volume,
  }),
}
