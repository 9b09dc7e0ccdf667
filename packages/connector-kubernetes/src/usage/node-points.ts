import type { EntityReference, Metric } from '@rca/core/connector'
import { type Fields, fields, list, text } from '../kinds/fields.ts'
import { kubeletNumber, nanoToCpus, nanoToUnits } from './kubelet-numbers.ts'
import { usageMetrics as metrics } from './signals.ts'

/** Maximum number of reported interfaces of a node. */
const MAX_INTERFACES = 16

/** The node's end of each pod's network. */
const POD_END = /^(?:veth|cali|lxc|eni|azv|gke|tap)/

/**
 * Converts the `node` of a summary to points. Leaves out minor page faults, the ends of pods' networks, and a
 * separate filesystem of writable layers.
 */
export function nodePoints(raw: unknown, node: EntityReference, now: Date): (Metric | undefined)[] {
  const { cpu, memory, network, fs, runtime, rlimit, startTime, systemContainers } = fields(raw)
  const images = fields(fields(runtime).imageFs)
  return [
    metrics.nodeCpuTime.point(nanoToUnits(fields(cpu).usageCoreNanoSeconds), node),
    metrics.nodeCpuUsage.point(nanoToCpus(fields(cpu).usageNanoCores), node),
    ...memoryPoints(fields(memory), node),
    ...networkPoints(fields(network), node),
    ...filesystemPoints(fields(fs), node),
    metrics.nodeImagesAvailable.point(kubeletNumber(images.availableBytes), node),
    metrics.nodeImagesCapacity.point(kubeletNumber(images.capacityBytes), node),
    metrics.nodeImagesUsage.point(kubeletNumber(images.usedBytes), node),
    metrics.nodeImagesInodesFree.point(kubeletNumber(images.inodesFree), node),
    metrics.nodeProcessCount.point(kubeletNumber(fields(rlimit).curproc), node),
    metrics.nodeProcessLimit.point(kubeletNumber(fields(rlimit).maxpid), node),
    metrics.nodeUptime.point(uptime(startTime, now), node),
    ...list(systemContainers).flatMap((container) => systemContainerPoints(container, node)),
  ]
}

function memoryPoints(memory: Fields, node: EntityReference): (Metric | undefined)[] {
  return [
    metrics.nodeMemoryUsage.point(kubeletNumber(memory.usageBytes), node),
    metrics.nodeMemoryWorkingSet.point(kubeletNumber(memory.workingSetBytes), node),
    metrics.nodeMemoryAvailable.point(kubeletNumber(memory.availableBytes), node),
    metrics.nodeMemoryRss.point(kubeletNumber(memory.rssBytes), node),
    metrics.nodePagingFaults.point(kubeletNumber(memory.majorPageFaults), node, {
      'system.paging.fault.type': 'major',
    }),
  ]
}

function networkPoints(network: Fields, node: EntityReference): (Metric | undefined)[] {
  // The top-level fields are those of one interface, which the list has as well.
  const all = list(network.interfaces)
  const interfaces = (all.length === 0 ? [network] : all).flatMap((counters) => {
    const name = text(counters.name)
    return name === undefined || POD_END.test(name) ? [] : [{ name, counters }]
  })
  return interfaces.slice(0, MAX_INTERFACES).flatMap(({ name, counters }) => {
    const received = { 'network.io.direction': 'receive', 'network.interface.name': name }
    const transmitted = { 'network.io.direction': 'transmit', 'network.interface.name': name }
    return [
      metrics.nodeNetworkIo.point(kubeletNumber(counters.rxBytes), node, received),
      metrics.nodeNetworkIo.point(kubeletNumber(counters.txBytes), node, transmitted),
      metrics.nodeNetworkErrors.point(kubeletNumber(counters.rxErrors), node, received),
      metrics.nodeNetworkErrors.point(kubeletNumber(counters.txErrors), node, transmitted),
    ]
  })
}

function filesystemPoints(filesystem: Fields, node: EntityReference): (Metric | undefined)[] {
  return [
    metrics.nodeFilesystemAvailable.point(kubeletNumber(filesystem.availableBytes), node),
    metrics.nodeFilesystemCapacity.point(kubeletNumber(filesystem.capacityBytes), node),
    metrics.nodeFilesystemUsage.point(kubeletNumber(filesystem.usedBytes), node),
    metrics.nodeInodes.point(kubeletNumber(filesystem.inodes), node),
    metrics.nodeInodesFree.point(kubeletNumber(filesystem.inodesFree), node),
  ]
}

function systemContainerPoints({ name, cpu, memory }: Fields, node: EntityReference): (Metric | undefined)[] {
  const container = text(name)
  if (container === undefined) return []
  const named = { 'k8s.node.system_container.name': container }
  return [
    metrics.systemContainerCpuUsage.point(nanoToCpus(fields(cpu).usageNanoCores), node, named),
    metrics.systemContainerWorkingSet.point(kubeletNumber(fields(memory).workingSetBytes), node, named),
  ]
}

/** Returns seconds. */
function uptime(startTime: unknown, now: Date): number | undefined {
  return kubeletNumber((now.getTime() - Date.parse(text(startTime) ?? '')) / 1000)
}
