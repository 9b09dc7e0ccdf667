import type { Event } from '@rca/core/connector'
import { compareNodes } from '../../changes/compare-nodes.ts'
import { listAttribute } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt } from '../../changes/field-manager.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Node } from '../../kinds/node/node-projection.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { namedReference } from '../../kinds/references.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, timeOrNow } from '../event-time.ts'
import { signals } from './signals.ts'

/** Emits nodes that are added, removed, cordoned, changed or rebooted. */
export const nodeChanges = watchCluster(({ cluster }, { now, emit }) => (change) => {
  if (change.kind !== 'nodes') return
  if (change.type === 'added') {
    if (!change.isInitial || isRecent(change.object.created, now())) emit(added(change.object, now()))
  } else if (change.type === 'deleted') emit(removed(change.object ?? change.old, podsOn(cluster, change.old), now()))
  else {
    const { object, old } = change
    if (object.isUnschedulable !== old.isUnschedulable) emit(cordoned(object, old, cluster, now()))
    emit(changed(object, old, now()))
    if (old.bootId !== undefined && object.bootId !== undefined && old.bootId !== object.bootId)
      emit(rebooted(object, cluster, now()))
  }
})

/** Returns the pods on a node. */
export function podsOn(cluster: Pick<Cluster, 'objects'>, { name }: Pick<Node, 'name'>): readonly Pod[] {
  return [...cluster.objects('pods').values()].filter(({ node }) => node === name)
}

function added(node: Node, now: Date): Event {
  return signals.nodeAdded.event({
    id: `k8s/${node.uid}/added`,
    at: timeOrNow(node.created, now),
    entity: namedReference('Node', node),
    body: `Node ${node.name} joined the cluster`,
    attributes: {
      'k8s.node.name': node.name,
      'k8s.node.kubelet_version': node.kubeletVersion,
      'k8s.node.provider_id': node.providerId,
    },
  })
}

function removed(node: Node, pods: readonly Pod[], now: Date): Event {
  const bereft = pods.filter(({ owner, phase }) => owner?.kind !== 'DaemonSet' && isRunning(phase)).length
  return signals.nodeRemoved.event({
    id: `k8s/${node.uid}/removed`,
    at: timeOrNow(node.deleted, now),
    severity: bereft > 0 ? 'error' : undefined,
    entity: namedReference('Node', node),
    body: `Node ${node.name} left the cluster${bereft === 0 ? '' : ` with ${bereft} ${bereft === 1 ? 'pod' : 'pods'} on it`}`,
    attributes: { 'k8s.node.name': node.name, 'k8s.node.pods': pods.length, 'k8s.node.pods.bereft': bereft },
  })
}

function isRunning(phase: string | undefined): boolean {
  return phase !== 'Succeeded' && phase !== 'Failed'
}

function cordoned(node: Node, old: Node, cluster: Pick<Cluster, 'objects'>, now: Date): Event {
  const writer = changeAuthor(node.managers, old.managers, ['spec'])
  const definition = node.isUnschedulable ? signals.nodeCordoned : signals.nodeUncordoned
  const verb = node.isUnschedulable ? 'cordoned' : 'uncordoned'
  return definition.event({
    id: `k8s/${node.uid}/${node.resourceVersion}/${verb}`,
    at: changedAt(writer, now),
    entity: namedReference('Node', node),
    body: `Node ${node.name} was ${verb}${byAuthor(writer)}`,
    attributes: {
      ...authorAttributes(writer),
      'k8s.node.name': node.name,
      'k8s.node.pods': podsOn(cluster, node).length,
    },
  })
}

function changed(node: Node, old: Node, now: Date): Event | undefined {
  const difference = compareNodes(old, node)
  if (difference === undefined) return undefined
  const { fields, versions, taints, allocatable, addresses } = difference
  // Authors set only taints; the kubelet reports all other parts.
  const writer = fields.includes('taints') ? changeAuthor(node.managers, old.managers, ['spec']) : undefined
  const details = [
    ...versions,
    ...taints.added.map((taint) => `taint ${taint} added`),
    ...taints.removed.map((taint) => `taint ${taint} removed`),
    ...allocatable,
    ...addresses,
  ]
  return signals.nodeChanged.event({
    id: `k8s/${node.uid}/${node.resourceVersion}/changed`,
    at: changedAt(writer, now),
    entity: namedReference('Node', node),
    body: `Node ${node.name} has changed${byAuthor(writer)}: ${details.join('; ')}`,
    attributes: {
      ...authorAttributes(writer),
      'k8s.node.name': node.name,
      'change.fields': fields,
      'change.versions': listAttribute(versions),
      'change.taints.added': listAttribute(taints.added),
      'change.taints.removed': listAttribute(taints.removed),
      'change.allocatable': listAttribute(allocatable),
      'change.addresses': listAttribute(addresses),
    },
  })
}

function rebooted(node: Node, cluster: Pick<Cluster, 'objects'>, now: Date): Event {
  return signals.nodeRebooted.event({
    id: `k8s/${node.uid}/${node.bootId}/rebooted`,
    at: now,
    entity: namedReference('Node', node),
    body: `Node ${node.name} was rebooted`,
    attributes: { 'k8s.node.name': node.name, 'k8s.node.pods': podsOn(cluster, node).length },
  })
}
