import type { ClusterEvent, ObjectReference } from '../kinds/event/event.ts'
import type { Cluster } from '../kinds/index.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'

/** The container that an event is about: `spec.containers{app}`. */
export function containerOf({ kind, fieldPath }: ObjectReference): string | undefined {
  return kind === 'Pod' ? /\{([^{}]+)\}$/.exec(fieldPath ?? '')?.[1] : undefined
}

/** Returns the last matching event about a container that the server still has. */
export function latestClusterEvent(
  cluster: Cluster,
  pod: Pick<Pod, 'uid' | 'namespace' | 'name'>,
  container: string,
  isWanted: (event: ClusterEvent) => boolean,
): ClusterEvent | undefined {
  let last: ClusterEvent | undefined
  for (const event of cluster.objects('events').values()) {
    if (!isAbout(event.about, pod) || containerOf(event.about) !== container || !isWanted(event)) continue
    if (last === undefined || (event.lastAt ?? '') > (last.lastAt ?? '')) last = event
  }
  return last
}

/** Kubelets refer to a pod that they made from a file by a hash of the file instead of the uid. */
const FILE_HASH = /^[0-9a-f]{32}$/

function isAbout(about: ObjectReference, { uid, namespace, name }: Pick<Pod, 'uid' | 'namespace' | 'name'>): boolean {
  if (about.uid === uid) return true
  return FILE_HASH.test(about.uid ?? '') && about.kind === 'Pod' && about.name === name && about.namespace === namespace
}

/**
 * Returns an event about a pod with the uid that the server gave the pod: kubelets may refer to it by a file hash, and
 * controllers, such as the one that evicts pods from tainted nodes, by its name alone.
 */
export function withServersUid(cluster: Cluster, event: ClusterEvent): ClusterEvent {
  const { about } = event
  if (about.kind !== 'Pod' || !(about.uid === undefined || FILE_HASH.test(about.uid))) return event
  for (const pod of cluster.objects('pods').values()) {
    const isFound =
      about.uid === undefined
        ? pod.name === about.name && pod.namespace === about.namespace
        : pod.owner?.kind === 'Node' && isAbout(about, pod)
    if (isFound) return { ...event, about: { ...about, uid: pod.uid } }
  }
  return event
}
