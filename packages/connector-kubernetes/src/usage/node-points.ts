import type { EntityReference, Metric } from '@rca/core/connector'
import { type Fields, fields, list, text } from '../kinds/fields.ts'
import { amount, fromNano } from './amount.ts'
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
    metrics.nodeCpuTime.point(fromNano(fields(cpu).usageCoreNanoSeconds), node),
    metrics.nodeCpuUsage.point(fromNano(fields(cpu).usageNanoCores), node),
    ...memoryPoints(fields(memory), node),
    ...networkPoints(fields(network), node),
    ...filesystemPoints(fields(fs), node),
    metrics.nodeImagesAvailable.point(amount(images.availableBytes), node),
    metrics.nodeImagesCapacity.point(amount(images.capacityBytes), node),
    metrics.nodeImagesUsage.point(amount(images.usedBytes), node),
    metrics.nodeImagesInodesFree.point(amount(images.inodesFree), node),
    metrics.nodeProcessCount.point(amount(fields(rlimit).curproc), node),
    metrics.nodeProcessLimit.point(amount(fields(rlimit).maxpid), node),
    metrics.nodeUptime.point(uptime(startTime, now), node),
    ...list(systemContainers).flatMap((container) => systemContainerPoints(container, node)),
  ]
}

function memoryPoints(memory: Fields, node: EntityReference): (Metric | undefined)[] {
  return [
    metrics.nodeMemoryUsage.point(amount(memory.usageBytes), node),
    metrics.nodeMemoryWorkingSet.point(amount(memory.workingSetBytes), node),
    metrics.nodeMemoryAvailable.point(amount(memory.availableBytes), node),
    metrics.nodeMemoryRss.point(amount(memory.rssBytes), node),
    metrics.nodePagingFaults.point(amount(memory.majorPageFaults), node, { 'system.paging.fault.type': 'major' }),
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
      metrics.nodeNetworkIo.point(amount(counters.rxBytes), node, received),
      metrics.nodeNetworkIo.point(amount(counters.txBytes), node, transmitted),
      metrics.nodeNetworkErrors.point(amount(counters.rxErrors), node, received),
      metrics.nodeNetworkErrors.point(amount(counters.txErrors), node, transmitted),
    ]
  })
}

function filesystemPoints(filesystem: Fields, node: EntityReference): (Metric | undefined)[] {
  return [
    metrics.nodeFilesystemAvailable.point(amount(filesystem.availableBytes), node),
    metrics.nodeFilesystemCapacity.point(amount(filesystem.capacityBytes), node),
    metrics.nodeFilesystemUsage.point(amount(filesystem.usedBytes), node),
    metrics.nodeInodes.point(amount(filesystem.inodes), node),
    metrics.nodeInodesFree.point(amount(filesystem.inodesFree), node),
  ]
}

function systemContainerPoints({ name, cpu, memory }: Fields, node: EntityReference): (Metric | undefined)[] {
  const container = text(name)
  if (container === undefined) return []
  const named = { 'k8s.node.system_container.name': container }
  return [
    metrics.systemContainerCpuUsage.point(fromNano(fields(cpu).usageNanoCores), node, named),
    metrics.systemContainerWorkingSet.point(amount(fields(memory).workingSetBytes), node, named),
  ]
}

/** Returns seconds. */
function uptime(startTime: unknown, now: Date): number | undefined {
  return amount((now.getTime() - Date.parse(text(startTime) ?? '')) / 1000)
}
