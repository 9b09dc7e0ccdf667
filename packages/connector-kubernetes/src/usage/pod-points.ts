import type { EntityReference, Metric } from '@rca/core'
import { containerReference, namedReference, podReference } from '../entity-references.ts'
import { type Fields, fields, list, text } from '../resources/lenient.ts'
import type { Pod } from '../resources/pod.ts'
import { usageMetrics as metrics } from '../signals/usage.ts'
import { amount, fromNano, sum } from './amount.ts'
import type { KnownObjects } from './known-objects.ts'

/** A volume that is no claim is told of from here on, in bytes: above what a ConfigMap or a token may hold. */
const NOTABLE_VOLUME = 16 * 1024 * 1024

/**
 * What a pod uses, from its part of a summary: 6 points, and 6 for each of its containers, since a cluster may have ten thousand pods.
 * What is told of both are only the two that pods are compared and evicted by. Left out are what follows from others and limits
 * (memory usage and availability), pods' network errors and page faults, and the sizes of filesystems, which are their node's.
 *
 * @param seen claims that have been told: one that several pods mount is told once
 */
export function podPoints(raw: Fields, pod: Pod, known: KnownObjects, seen: Set<string>): (Metric | undefined)[] {
  const entity = podReference(pod.uid)
  return [
    metrics.podCpuUsage.point(fromNano(fields(raw.cpu).usageNanoCores), entity),
    metrics.podMemoryWorkingSet.point(measured(fields(raw.memory).workingSetBytes), entity),
    // A kubelet may tell the network of its node as that of such a pod.
    ...(pod.hostNetwork ? [] : networkPoints(fields(raw.network), entity)),
    metrics.podFilesystemUsage.point(amount(fields(raw['ephemeral-storage']).usedBytes), entity),
    metrics.podProcessCount.point(measured(fields(raw.process_stats).process_count), entity),
    ...list(raw.containers).flatMap((container) => containerPoints(container, pod)),
    ...list(raw.volume).flatMap((volume) => volumePoints(volume, pod, known, seen)),
  ]
}

/** A kubelet writes 0 where it has not measured yet, or does not count: what runs has some memory, and a process. */
function measured(value: unknown): number | undefined {
  return amount(value) || undefined
}

function networkPoints(network: Fields, pod: EntityReference): (Metric | undefined)[] {
  const all = list(network.interfaces)
  const interfaces = all.length === 0 ? [network] : all
  const [received, transmitted] = [interfaces.map(({ rxBytes }) => rxBytes), interfaces.map(({ txBytes }) => txBytes)]
  return [
    metrics.podNetworkIo.point(sum(received.map(amount)), pod, { 'network.io.direction': 'receive' }),
    metrics.podNetworkIo.point(sum(transmitted.map(amount)), pod, { 'network.io.direction': 'transmit' }),
  ]
}

function containerPoints({ name, cpu, memory, rootfs, logs }: Fields, pod: Pod): (Metric | undefined)[] {
  const named = text(name)
  if (named === undefined) return []
  const container = containerReference(pod.uid, named)
  const usedOn = (filesystem: unknown, type: 'rootfs' | 'logs'): Metric | undefined =>
    metrics.containerStorageUsage.point(amount(fields(filesystem).usedBytes), container, {
      'k8s.container.ephemeral_storage.fs_type': type,
    })
  return [
    metrics.containerCpuTime.point(fromNano(fields(cpu).usageCoreNanoSeconds), container),
    metrics.containerCpuUsage.point(fromNano(fields(cpu).usageNanoCores), container),
    metrics.containerMemoryWorkingSet.point(measured(fields(memory).workingSetBytes), container),
    metrics.containerMemoryRss.point(amount(fields(memory).rssBytes), container),
    usedOn(rootfs, 'rootfs'),
    usedOn(logs, 'logs'),
  ]
}

/** A claim is told wherever it is mounted; of others, which most pods have several of, only what takes notable space. */
function volumePoints(volume: Fields, pod: Pod, known: KnownObjects, seen: Set<string>): (Metric | undefined)[] {
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

function inodePoints(volume: Fields, entity: EntityReference, attributes: VolumeAttributes): (Metric | undefined)[] {
  return [
    metrics.volumeInodes.point(amount(volume.inodes), entity, attributes),
    metrics.volumeInodesFree.point(amount(volume.inodesFree), entity, attributes),
  ]
}

function spacePoints(volume: Fields, entity: EntityReference, attributes: VolumeAttributes): (Metric | undefined)[] {
  return [
    metrics.volumeUsage.point(amount(volume.usedBytes), entity, attributes),
    metrics.volumeAvailable.point(amount(volume.availableBytes), entity, attributes),
    metrics.volumeCapacity.point(amount(volume.capacityBytes), entity, attributes),
  ]
}
