import { type Metric, metric } from '@rca/core/connector'

/** Returns a function that declares metrics of a kind. */
function declare(kind: Metric['kind']) {
  return <const Names extends Readonly<Record<string, string>> = Record<never, string>>(
    name: string,
    unit: string,
    description: string,
    attributes: Names = {} as Names,
  ) => metric({ name, unit, kind, description, attributes })
}

const counter = declare('counter')
const gauge = declare('gauge')
const upDownCounter = declare('updowncounter')

const networkInterface = {
  'network.io.direction': '`receive` or `transmit`.',
  'network.interface.name': 'Interface of the node.',
}
const pagingFault = { 'system.paging.fault.type': '`major`.' }
const systemContainer = {
  'k8s.node.system_container.name': '`kubelet`, `runtime`, `misc`, or `pods` for all pods together.',
}
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
  nodeCpuTime: counter('k8s.node.cpu.time', 's', 'CPU time of a node.'),
  nodeCpuUsage: gauge('k8s.node.cpu.usage', '{cpu}', 'CPUs that a node used in the last seconds.'),
  nodeMemoryUsage: upDownCounter('k8s.node.memory.usage', 'By', 'Memory of a node, including the page cache.'),
  nodeMemoryWorkingSet: upDownCounter(
    'k8s.node.memory.working_set',
    'By',
    'Working set of a node: memory in use without inactive files. Kubelets evict pods by it.',
  ),
  nodeMemoryAvailable: upDownCounter(
    'k8s.node.memory.available',
    'By',
    'Available memory of a node: all but the working set.',
  ),
  nodeMemoryRss: upDownCounter('k8s.node.memory.rss', 'By', 'Anonymous memory of a node.'),
  nodePagingFaults: counter(
    'k8s.node.paging.faults',
    '{fault}',
    'Page faults of a node that had to wait for a disk.',
    pagingFault,
  ),
  nodeNetworkIo: counter('k8s.node.network.io', 'By', 'Bytes over the network of a node.', networkInterface),
  nodeNetworkErrors: counter(
    'k8s.node.network.errors',
    '{error}',
    'Packets with errors on the network of a node.',
    networkInterface,
  ),
  nodeFilesystemAvailable: upDownCounter(
    'k8s.node.filesystem.available',
    'By',
    'Free space of the kubelet’s filesystem for volumes and logs.',
  ),
  nodeFilesystemCapacity: upDownCounter('k8s.node.filesystem.capacity', 'By', 'Size of the kubelet’s filesystem.'),
  nodeFilesystemUsage: upDownCounter('k8s.node.filesystem.usage', 'By', 'Used space of the kubelet’s filesystem.'),
  nodeInodes: upDownCounter('k8s.node.filesystem.inode.count', '{inode}', 'Inodes of the kubelet’s filesystem.'),
  nodeInodesFree: upDownCounter(
    'k8s.node.filesystem.inode.free',
    '{inode}',
    'Free inodes of the kubelet’s filesystem.',
  ),
  nodeImagesAvailable: upDownCounter(
    'k8s.node.image_filesystem.available',
    'By',
    'Free space of the runtime’s filesystem for images, often the same one.',
  ),
  nodeImagesCapacity: upDownCounter('k8s.node.image_filesystem.capacity', 'By', 'Size of the filesystem of images.'),
  nodeImagesUsage: upDownCounter('k8s.node.image_filesystem.usage', 'By', 'Space of images.'),
  nodeImagesInodesFree: upDownCounter(
    'k8s.node.image_filesystem.inode.free',
    '{inode}',
    'Free inodes of the filesystem of images.',
  ),
  nodeProcessCount: upDownCounter('k8s.node.process.count', '{process}', 'Processes and threads of a node.'),
  nodeProcessLimit: upDownCounter(
    'k8s.node.process.limit',
    '{process}',
    'Maximum number of processes and threads of a node.',
  ),
  nodeUptime: gauge('k8s.node.uptime', 's', 'Time since the boot of a node.'),
  systemContainerCpuUsage: gauge(
    'k8s.node.system_container.cpu.usage',
    '{cpu}',
    'CPUs that a system container of the node used in the last seconds.',
    systemContainer,
  ),
  systemContainerWorkingSet: upDownCounter(
    'k8s.node.system_container.memory.working_set',
    'By',
    'Working set of a system container of the node.',
    systemContainer,
  ),
  podCpuUsage: gauge('k8s.pod.cpu.usage', '{cpu}', 'CPUs that a pod used in the last seconds.'),
  podMemoryWorkingSet: upDownCounter(
    'k8s.pod.memory.working_set',
    'By',
    'Working set of a pod: memory in use without inactive files. Kubelets evict pods by it.',
  ),
  podNetworkIo: counter(
    'k8s.pod.network.io',
    'By',
    'Network traffic of a pod. Absent for a pod in the host network.',
    networkDirection,
  ),
  podFilesystemUsage: upDownCounter(
    'k8s.pod.filesystem.usage',
    'By',
    'Ephemeral storage of a pod: writable layers, logs and `emptyDir` volumes.',
  ),
  podProcessCount: upDownCounter('k8s.pod.process.count', '{process}', 'Processes of a pod.'),
  containerCpuTime: counter('container.cpu.time', 's', 'CPU time of a container.'),
  containerCpuUsage: gauge('container.cpu.usage', '{cpu}', 'CPUs that a container used in the last seconds.'),
  containerMemoryWorkingSet: upDownCounter(
    'container.memory.working_set',
    'By',
    'Working set of a container: memory in use without inactive files.',
  ),
  containerMemoryRss: upDownCounter('container.memory.rss', 'By', 'Anonymous memory of a container.'),
  containerStorageUsage: upDownCounter(
    'k8s.container.ephemeral_storage.usage',
    'By',
    'Space of a container on its node.',
    storage,
  ),
  volumeAvailable: upDownCounter('k8s.pod.volume.available', 'By', 'Free space of a volume.', volume),
  volumeCapacity: upDownCounter('k8s.pod.volume.capacity', 'By', 'Size of a volume.', volume),
  volumeUsage: upDownCounter('k8s.pod.volume.usage', 'By', 'Used space of a volume.', volume),
  volumeInodes: upDownCounter('k8s.pod.volume.inode.count', '{inode}', 'Inodes of a volume.', volume),
  volumeInodesFree: upDownCounter('k8s.pod.volume.inode.free', '{inode}', 'Free inodes of a volume.', volume),
}
