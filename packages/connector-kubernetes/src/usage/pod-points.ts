import type { EntityReference, Metric } from '@rca/core/connector'
import type { IsNews, News } from '../kinds/delta-filter.ts'
import { type Fields, fields, list, text } from '../kinds/fields.ts'
import type { Pod } from '../kinds/pod/pod.ts'
import { containerReference, namedReference, podReference } from '../kinds/references.ts'
import { amount, fromNano, sum } from './amount.ts'
import type { KnownObjects } from './known-objects.ts'
import { usageMetrics as metrics } from './signals.ts'

/** A volume that is no claim is told of from here on, in bytes: above what a ConfigMap or a token may hold. */
const NOTABLE_VOLUME = 16 * 1024 * 1024

/** What is needed to tell of pods. */
export interface PodContext {
  readonly known: KnownObjects
  /** Claims that have been told in this round: one that several pods mount is told once. */
  readonly seen: Set<string>
  /** Says which of the numbers that seldom change are to be told. */
  readonly news: Pick<News, 'of'>
}

const RECEIVED = Object.freeze({ 'network.io.direction': 'receive' })
const TRANSMITTED = Object.freeze({ 'network.io.direction': 'transmit' })
const ROOTFS = Object.freeze({ 'k8s.container.ephemeral_storage.fs_type': 'rootfs' })
const LOGS = Object.freeze({ 'k8s.container.ephemeral_storage.fs_type': 'logs' })

type Points = (Metric | undefined)[]

/**
 * What a pod uses, from its part of a summary: 6 points, and 6 for each of its containers, since a cluster may have ten thousand pods.
 * What is told of both are only the two that pods are compared and evicted by. Left out are what follows from others and limits
 * (memory usage and availability), pods' network errors and page faults, and the sizes of filesystems, which are their node's.
 * Storage and processes are told when they change, and now and then.
 */
export function podPoints(raw: Fields, pod: Pod, context: PodContext): Points {
  const entity = podReference(pod.uid)
  const isNews = context.news.of(pod.uid)
  const points: Points = [
    metrics.podCpuUsage.point(fromNano(fields(raw.cpu).usageNanoCores), entity),
    metrics.podMemoryWorkingSet.point(measured(fields(raw.memory).workingSetBytes), entity),
    metrics.podFilesystemUsage.point(ifNew(amount(fields(raw['ephemeral-storage']).usedBytes), isNews), entity),
    metrics.podProcessCount.point(ifNew(measured(fields(raw.process_stats).process_count), isNews), entity),
  ]
  // A kubelet may tell the network of its node as that of such a pod.
  if (!pod.hostNetwork) addNetwork(points, fields(raw.network), entity)
  const containers = list(raw.containers)
  // In the order of the pod: kubelets have none.
  for (const { name } of pod.containers) {
    const stats = containers.find((container) => container.name === name)
    addContainer(points, stats ?? {}, containerReference(pod.uid, name), isNews)
  }
  for (const volume of list(raw.volume)) points.push(...volumePoints(volume, pod, context))
  return points
}

/** A kubelet writes 0 where it has not measured yet, or does not count: what runs has some memory, and a process. */
function measured(value: unknown): number | undefined {
  return amount(value) || undefined
}

function ifNew(value: number | undefined, isNews: IsNews): number | undefined {
  return isNews(value) ? value : undefined
}

function addNetwork(points: Points, network: Fields, pod: EntityReference): void {
  const all = list(network.interfaces)
  const interfaces = all.length === 0 ? [network] : all
  points.push(
    metrics.podNetworkIo.point(sum(interfaces.map(({ rxBytes }) => amount(rxBytes))), pod, RECEIVED),
    metrics.podNetworkIo.point(sum(interfaces.map(({ txBytes }) => amount(txBytes))), pod, TRANSMITTED),
  )
}

function addContainer(points: Points, stats: Fields, container: EntityReference, isNews: IsNews): void {
  const [cpu, memory] = [fields(stats.cpu), fields(stats.memory)]
  points.push(
    metrics.containerCpuTime.point(fromNano(cpu.usageCoreNanoSeconds), container),
    metrics.containerCpuUsage.point(fromNano(cpu.usageNanoCores), container),
    metrics.containerMemoryWorkingSet.point(measured(memory.workingSetBytes), container),
    metrics.containerMemoryRss.point(amount(memory.rssBytes), container),
    metrics.containerStorageUsage.point(ifNew(amount(fields(stats.rootfs).usedBytes), isNews), container, ROOTFS),
    metrics.containerStorageUsage.point(ifNew(amount(fields(stats.logs).usedBytes), isNews), container, LOGS),
  )
}

/** A claim is told wherever it is mounted; of others, which most pods have several of, only what takes notable space. */
function volumePoints(volume: Fields, pod: Pod, { known, seen }: PodContext): Points {
  const name = text(volume.name)
  const { name: claimName, namespace } = fields(volume.pvcRef)
  const claim = text(claimName)
  if (claim === undefined) {
    if (name === undefined || (amount(volume.usedBytes) ?? 0) < NOTABLE_VOLUME) return []
    return spacePoints(volume, podReference(pod.uid), { 'k8s.volume.name': name })
  }
  const claimed = { namespace: text(namespace) ?? pod.namespace, name: claim }
  if (!known.hasClaim(claimed.namespace, claimed.name)) {
    const attributes = { 'k8s.volume.name': name, 'k8s.persistentvolumeclaim.name': claim }
    return [
      ...spacePoints(volume, podReference(pod.uid), attributes),
      ...inodePoints(volume, podReference(pod.uid), attributes),
    ]
  }
  const entity = namedReference('PersistentVolumeClaim', claimed)
  if (seen.has(entity.id)) return []
  seen.add(entity.id)
  const attributes = { 'k8s.persistentvolumeclaim.name': claim }
  return [...spacePoints(volume, entity, attributes), ...inodePoints(volume, entity, attributes)]
}

type VolumeAttributes = Parameters<typeof metrics.volumeUsage.point>[2]

function inodePoints(volume: Fields, entity: EntityReference, attributes: VolumeAttributes): Points {
  return [
    metrics.volumeInodes.point(amount(volume.inodes), entity, attributes),
    metrics.volumeInodesFree.point(amount(volume.inodesFree), entity, attributes),
  ]
}

function spacePoints(volume: Fields, entity: EntityReference, attributes: VolumeAttributes): Points {
  return [
    metrics.volumeUsage.point(amount(volume.usedBytes), entity, attributes),
    metrics.volumeAvailable.point(amount(volume.availableBytes), entity, attributes),
    metrics.volumeCapacity.point(amount(volume.capacityBytes), entity, attributes),
  ]
}
