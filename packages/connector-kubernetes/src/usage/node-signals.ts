import { metric } from '@rca/core/connector'

const networkInterface = {
  'network.io.direction': '`receive` or `transmit`.',
  'network.interface.name': 'Interface of the node.',
}
const pagingFault = { 'system.paging.fault.type': '`major`.' }
const systemContainer = {
  'k8s.node.system_container.name': '`kubelet`, `runtime`, `misc`, or `pods` for all pods together.',
}

/** Usage of nodes. */
export const nodeUsageMetrics = {
  nodeCpuTime: metric({
    name: 'k8s.node.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'CPU time of a node.',
  }),
  nodeCpuUsage: metric({
    name: 'k8s.node.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'CPUs that a node used in the last seconds.',
  }),
  nodeMemoryUsage: metric({
    name: 'k8s.node.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory of a node, including the page cache.',
  }),
  nodeMemoryWorkingSet: metric({
    name: 'k8s.node.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Working set of a node: memory in use without inactive files. Kubelets evict pods by it.',
  }),
  nodeMemoryAvailable: metric({
    name: 'k8s.node.memory.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Available memory of a node: all but the working set.',
  }),
  nodeMemoryRss: metric({
    name: 'k8s.node.memory.rss',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Anonymous memory of a node.',
  }),
  nodePagingFaults: metric({
    name: 'k8s.node.paging.faults',
    unit: '{fault}',
    kind: 'counter',
    description: 'Page faults of a node that had to wait for a disk.',
    attributes: pagingFault,
  }),
  nodeNetworkIo: metric({
    name: 'k8s.node.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes over the network of a node.',
    attributes: networkInterface,
  }),
  nodeNetworkErrors: metric({
    name: 'k8s.node.network.errors',
    unit: '{error}',
    kind: 'counter',
    description: 'Packets with errors on the network of a node.',
    attributes: networkInterface,
  }),
  nodeFilesystemAvailable: metric({
    name: 'k8s.node.filesystem.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Free space of the kubelet’s filesystem for volumes and logs.',
  }),
  nodeFilesystemCapacity: metric({
    name: 'k8s.node.filesystem.capacity',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the kubelet’s filesystem.',
  }),
  nodeFilesystemUsage: metric({
    name: 'k8s.node.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Used space of the kubelet’s filesystem.',
  }),
  nodeInodes: metric({
    name: 'k8s.node.filesystem.inode.count',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes of the kubelet’s filesystem.',
  }),
  nodeInodesFree: metric({
    name: 'k8s.node.filesystem.inode.free',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Free inodes of the kubelet’s filesystem.',
  }),
  nodeImagesAvailable: metric({
    name: 'k8s.node.image_filesystem.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Free space of the runtime’s filesystem for images, often the same one.',
  }),
  nodeImagesCapacity: metric({
    name: 'k8s.node.image_filesystem.capacity',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the filesystem of images.',
  }),
  nodeImagesUsage: metric({
    name: 'k8s.node.image_filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Space of images.',
  }),
  nodeImagesInodesFree: metric({
    name: 'k8s.node.image_filesystem.inode.free',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Free inodes of the filesystem of images.',
  }),
  nodeProcessCount: metric({
    name: 'k8s.node.process.count',
    unit: '{process}',
    kind: 'updowncounter',
    description: 'Processes and threads of a node.',
  }),
  nodeProcessLimit: metric({
    name: 'k8s.node.process.limit',
    unit: '{process}',
    kind: 'updowncounter',
    description: 'Maximum number of processes and threads of a node.',
  }),
  nodeUptime: metric({
    name: 'k8s.node.uptime',
    unit: 's',
    kind: 'gauge',
    description: 'Time since the boot of a node.',
  }),
  systemContainerCpuUsage: metric({
    name: 'k8s.node.system_container.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'CPUs that a system container of the node used in the last seconds.',
    attributes: systemContainer,
  }),
  systemContainerWorkingSet: metric({
    name: 'k8s.node.system_container.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Working set of a system container of the node.',
    attributes: systemContainer,
  }),
}
