import { metric } from '@rca/core/connector'
import { nodeUsageMetrics } from './node-signals.ts'

const networkDirection = { 'network.io.direction': '`receive` or `transmit`.' }
const storage = { 'k8s.container.ephemeral_storage.fs_type': '`rootfs`: what it writes; or `logs`.' }
const volume = {
  'k8s.persistentvolumeclaim.name': 'Name of the claim. Absent for another volume of a pod.',
  'k8s.volume.name': 'Name of the volume in its pod. Absent for a claim that is known.',
}

/**
 * What is measured of nodes, pods, containers and volumes. Names and kinds are those of the OpenTelemetry semantic conventions, but
 * that a container's memory is a gauge, as with every connector that has containers. What they lack are `k8s.node.image_filesystem.*`
 * and `k8s.*.process.*`.
 */
export const usageMetrics = {
  ...nodeUsageMetrics,
  podCpuUsage: metric({
    name: 'k8s.pod.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'Processors that a pod used in the last seconds.',
  }),
  podMemoryWorkingSet: metric({
    name: 'k8s.pod.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory that a pod needs: in use, without inactive files. Evictions go by it.',
  }),
  podNetworkIo: metric({
    name: 'k8s.pod.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes over the network of a pod. Absent where it shares that of its node.',
    attributes: networkDirection,
  }),
  podFilesystemUsage: metric({
    name: 'k8s.pod.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description:
      'Ephemeral storage that a pod takes: what its containers write, their logs and its `emptyDir` volumes.',
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
    description: 'Processor time that a container has used.',
  }),
  containerCpuUsage: metric({
    name: 'container.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'Processors that a container used in the last seconds.',
  }),
  containerMemoryWorkingSet: metric({
    name: 'container.memory.working_set',
    unit: 'By',
    kind: 'gauge',
    description: 'Memory that a container needs: in use, without inactive files.',
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
    description: 'Space that a container takes on its node.',
    attributes: storage,
  }),
  volumeAvailable: metric({
    name: 'k8s.pod.volume.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Space left on a volume.',
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
    description: 'Space used on a volume.',
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
    description: 'Inodes left on a volume.',
    attributes: volume,
  }),
}
