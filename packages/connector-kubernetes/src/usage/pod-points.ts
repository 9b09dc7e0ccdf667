import type { EntityReference, Metric } from '@rca/core/connector'
import type { DeltaFilter } from '../kinds/delta-filter.ts'
import { type Fields, fields, list, text } from '../kinds/fields.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'
import { containerReference, namedReference, podReference } from '../kinds/references.ts'
import type { KnownObjects } from './known-objects.ts'
import { kubeletNumber, nanoToCpus, nanoToUnits, sum } from './kubelet-numbers.ts'
import { usageMetrics as metrics } from './signals.ts'

/** Minimum size of a reported volume that is not a claim: more than a ConfigMap or a token can have. */
const MIN_VOLUME_BYTES = 16 * 1024 * 1024

export interface PodContext {
  readonly known: KnownObjects
  /** Claims that were reported in this cycle: a claim that several pods mount is reported once. */
  readonly seen: Set<string>
  /** Suppresses unchanged values of metrics that seldom change. */
  readonly filter: Pick<DeltaFilter, 'valuesOf'>
}

const RECEIVED = Object.freeze({ 'network.io.direction': 'receive' })
const TRANSMITTED = Object.freeze({ 'network.io.direction': 'transmit' })
const ROOTFS = Object.freeze({ 'k8s.container.ephemeral_storage.fs_type': 'rootfs' })
const LOGS = Object.freeze({ 'k8s.container.ephemeral_storage.fs_type': 'logs' })

type Points = (Metric | undefined)[]

type IfChanged = (value: number | undefined) => number | undefined

/**
 * Converts a pod's part of a summary to points: 6 for the pod and 6 for each container, since a cluster may have ten
 * thousand pods. Only CPU and memory are reported for both: schedulers compare and kubelets evict pods by them. Left
 * out are values that follow from others and from limits (memory usage and availability), network errors and page
 * faults, and filesystem sizes, which are those of the node. Storage and processes are reported when they change, and
 * every five minutes.
 */
export function podPoints(raw: Fields, pod: Pod, context: PodContext): Points {
  const entity = podReference(pod.uid)
  const isChanged = context.filter.valuesOf(pod.uid)
  const ifChanged: IfChanged = (value) => (isChanged(value) ? value : undefined)
  const points: Points = [
    metrics.podCpuUsage.point(nanoToCpus(fields(raw.cpu).usageNanoCores), entity),
    metrics.podMemoryWorkingSet.point(measured(fields(raw.memory).workingSetBytes), entity),
    metrics.podFilesystemUsage.point(ifChanged(kubeletNumber(fields(raw['ephemeral-storage']).usedBytes)), entity),
    metrics.podProcessCount.point(ifChanged(measured(fields(raw.process_stats).process_count)), entity),
  ]
  // A kubelet may report its node's network for a pod in the host network.
  if (!pod.hostNetwork) addNetwork(points, fields(raw.network), entity)
  const containers = list(raw.containers)
  // In the order of the pod: kubelets have no fixed order.
  for (const { name } of pod.containers) {
    const stats = containers.find((container) => container.name === name)
    addContainer(points, stats ?? {}, containerReference(pod.uid, name), ifChanged)
  }
  for (const volume of list(raw.volume)) points.push(...volumePoints(volume, pod, context))
  return points
}

/** Leaves out 0, which kubelets write before the first measurement: a running container has memory and a process. */
function measured(value: unknown): number | undefined {
  return kubeletNumber(value) || undefined
}

function addNetwork(points: Points, network: Fields, pod: EntityReference): void {
  const all = list(network.interfaces)
  const interfaces = all.length === 0 ? [network] : all
  points.push(
    metrics.podNetworkIo.point(sum(interfaces.map(({ rxBytes }) => kubeletNumber(rxBytes))), pod, RECEIVED),
    metrics.podNetworkIo.point(sum(interfaces.map(({ txBytes }) => kubeletNumber(txBytes))), pod, TRANSMITTED),
  )
}

function addContainer(points: Points, stats: Fields, container: EntityReference, ifChanged: IfChanged): void {
  const [cpu, memory] = [fields(stats.cpu), fields(stats.memory)]
  points.push(
    metrics.containerCpuTime.point(nanoToUnits(cpu.usageCoreNanoSeconds), container),
    metrics.containerCpuUsage.point(nanoToCpus(cpu.usageNanoCores), container),
    metrics.containerMemoryWorkingSet.point(measured(memory.workingSetBytes), container),
    metrics.containerMemoryRss.point(kubeletNumber(memory.rssBytes), container),
    metrics.containerStorageUsage.point(ifChanged(kubeletNumber(fields(stats.rootfs).usedBytes)), container, ROOTFS),
    metrics.containerStorageUsage.point(ifChanged(kubeletNumber(fields(stats.logs).usedBytes)), container, LOGS),
  )
}

/** Reports every claim, and large volumes of other types: most pods have several small ones. */
function volumePoints(volume: Fields, pod: Pod, { known, seen }: PodContext): Points {
  const name = text(volume.name)
  const { name: claimName, namespace } = fields(volume.pvcRef)
  const claim = text(claimName)
  if (claim === undefined) {
    if (name === undefined || (kubeletNumber(volume.usedBytes) ?? 0) < MIN_VOLUME_BYTES) return []
    return spacePoints(volume, podReference(pod.uid), { 'k8s.volume.name': name })
  }
  const claimed = { namespace: text(namespace) ?? pod.namespace, name: claim }
  const isKnown = known.hasClaim(claimed.namespace, claim)
  const entity = isKnown ? namedReference('PersistentVolumeClaim', claimed) : podReference(pod.uid)
  if (isKnown && seen.has(entity.id)) return []
  if (isKnown) seen.add(entity.id)
  const attributes = { 'k8s.volume.name': isKnown ? undefined : name, 'k8s.persistentvolumeclaim.name': claim }
  return [
    ...spacePoints(volume, entity, attributes),
    metrics.volumeInodes.point(kubeletNumber(volume.inodes), entity, attributes),
    metrics.volumeInodesFree.point(kubeletNumber(volume.inodesFree), entity, attributes),
  ]
}

type VolumeAttributes = Parameters<typeof metrics.volumeUsage.point>[2]

function spacePoints(volume: Fields, entity: EntityReference, attributes: VolumeAttributes): Points {
  return [
    metrics.volumeUsage.point(kubeletNumber(volume.usedBytes), entity, attributes),
    metrics.volumeAvailable.point(kubeletNumber(volume.availableBytes), entity, attributes),
    metrics.volumeCapacity.point(kubeletNumber(volume.capacityBytes), entity, attributes),
  ]
}
