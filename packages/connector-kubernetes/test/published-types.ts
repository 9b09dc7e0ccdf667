/*
 * Types that no OpenAPI has, as their published Go types write them: `k8s.io/kubelet/pkg/apis/stats/v1alpha1`, with
 * the pressure that enhancement 4205 of Kubernetes adds to it, and `k8s.io/metrics/pkg/apis/metrics/v1beta1`. A name
 * that ends with a question mark may be missing.
 */

const filesystem = {
  time: 'Date',
  'availableBytes?': 'number',
  'capacityBytes?': 'number',
  'usedBytes?': 'number',
  'inodesFree?': 'number',
  'inodes?': 'number',
  'inodesUsed?': 'number',
}
const interfaces = {
  name: 'string',
  'rxBytes?': 'number',
  'rxErrors?': 'number',
  'txBytes?': 'number',
  'txErrors?': 'number',
}
const measured = { 'cpu?': 'CPUStats', 'memory?': 'MemoryStats', 'swap?': 'SwapStats' }
const typeMeta = { 'kind?': 'string', 'apiVersion?': 'string', 'metadata?': 'V1ObjectMeta' }
const window = { timestamp: 'Date', window: 'string' }
const quantities = '{ [key: string]: string; }'

/** Name → name of a field → its type. */
export const publishedTypes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Summary: { node: 'NodeStats', pods: 'Array<PodStats>' },
  NodeStats: {
    ...measured,
    nodeName: 'string',
    startTime: 'Date',
    'systemContainers?': 'Array<ContainerStats>',
    'io?': 'IOStats',
    'network?': 'NetworkStats',
    'fs?': 'FsStats',
    'runtime?': 'RuntimeStats',
    'rlimit?': 'RlimitStats',
  },
  PodStats: {
    ...measured,
    podRef: 'PodReference',
    startTime: 'Date',
    containers: 'Array<ContainerStats>',
    'network?': 'NetworkStats',
    'volume?': 'Array<VolumeStats>',
    'ephemeral-storage?': 'FsStats',
    'process_stats?': 'ProcessStats',
  },
  ContainerStats: { ...measured, name: 'string', startTime: 'Date', 'rootfs?': 'FsStats', 'logs?': 'FsStats' },
  PodReference: { name: 'string', namespace: 'string', uid: 'string' },
  CPUStats: { time: 'Date', 'usageNanoCores?': 'number', 'usageCoreNanoSeconds?': 'number', 'psi?': 'PSIStats' },
  MemoryStats: {
    time: 'Date',
    'availableBytes?': 'number',
    'usageBytes?': 'number',
    'workingSetBytes?': 'number',
    'rssBytes?': 'number',
    'pageFaults?': 'number',
    'majorPageFaults?': 'number',
    'psi?': 'PSIStats',
  },
  IOStats: { time: 'Date', 'psi?': 'PSIStats' },
  PSIStats: { 'some?': 'PSIData', 'full?': 'PSIData' },
  PSIData: { total: 'number', avg10: 'number', avg60: 'number', avg300: 'number' },
  SwapStats: { time: 'Date', 'swapAvailableBytes?': 'number', 'swapUsageBytes?': 'number' },
  FsStats: filesystem,
  VolumeStats: {
    ...filesystem,
    'name?': 'string',
    'pvcRef?': 'PVCReference',
    'volumeHealthStats?': 'VolumeHealthStats',
  },
  PVCReference: { name: 'string', namespace: 'string' },
  VolumeHealthStats: { abnormal: 'boolean' },
  NetworkStats: { ...interfaces, time: 'Date', 'interfaces?': 'Array<InterfaceStats>' },
  InterfaceStats: interfaces,
  RuntimeStats: { 'imageFs?': 'FsStats', 'containerFs?': 'FsStats' },
  RlimitStats: { time: 'Date', 'maxpid?': 'number', 'curproc?': 'number' },
  ProcessStats: { 'process_count?': 'number' },
  NodeMetrics: { ...typeMeta, ...window, usage: quantities },
  PodMetrics: { ...typeMeta, ...window, containers: 'Array<ContainerMetrics>' },
  ContainerMetrics: { name: 'string', usage: quantities },
}
