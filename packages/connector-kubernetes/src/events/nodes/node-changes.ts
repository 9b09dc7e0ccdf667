import type { Event } from '@rca/core/connector'
import { compareNodes } from '../../changes/compare-nodes.ts'
import { listAttribute } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt } from '../../changes/field-manager.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Node } from '../../kinds/node/node-projection.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, occurrence, timeOrNow } from '../occurrence.ts'
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

export function podsOn(cluster: Cluster, { name }: Pick<Node, 'name'>): readonly Pod[] {
  return [...cluster.objects('pods').values()].filter(({ node }) => node === name)
}

function added(node: Node, now: Date): Event {
  return signals.nodeAdded.event({
    ...occurrence('Node', node, { id: 'added', at: timeOrNow(node.created, now), what: 'joined the cluster' }),
    attributes: {
      'k8s.node.name': node.name,
      'k8s.node.kubelet_version': node.kubeletVersion,
      'k8s.node.provider_id': node.providerId,
    },
  })
}

function removed(node: Node, pods: readonly Pod[], now: Date): Event {
  const running = pods.filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed')
  const bereft = running.filter(({ owner }) => owner?.kind !== 'DaemonSet').length
  const withPods = bereft === 0 ? '' : ` with ${bereft} ${bereft === 1 ? 'pod' : 'pods'} on it`
  return signals.nodeRemoved.event({
    ...occurrence('Node', node, {
      id: 'removed',
      at: timeOrNow(node.deleted, now),
      what: `left the cluster${withPods}`,
    }),
    severity: bereft > 0 ? 'error' : undefined,
    attributes: { 'k8s.node.name': node.name, 'k8s.node.pods': pods.length, 'k8s.node.pods.bereft': bereft },
  })
}

function cordoned(node: Node, old: Node, cluster: Cluster, now: Date): Event {
  const writer = changeAuthor(node.managers, old.managers, ['spec'])
  const definition = node.isUnschedulable ? signals.nodeCordoned : signals.nodeUncordoned
  const verb = node.isUnschedulable ? 'cordoned' : 'uncordoned'
  return definition.event({
    ...occurrence('Node', node, {
      id: `${node.resourceVersion}/${verb}`,
      at: changedAt(writer, now),
      what: `was ${verb}${byAuthor(writer)}`,
    }),
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
    ...occurrence('Node', node, {
      id: `${node.resourceVersion}/changed`,
      at: changedAt(writer, now),
      what: `has changed${byAuthor(writer)}: ${details.join('; ')}`,
    }),
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

function rebooted(node: Node, cluster: Cluster, now: Date): Event {
  return signals.nodeRebooted.event({
    ...occurrence('Node', node, { id: `${node.bootId}/rebooted`, at: now, what: 'was rebooted' }),
    attributes: { 'k8s.node.name': node.name, 'k8s.node.pods': podsOn(cluster, node).length },
  })
}
