import type { ClusterEvent, ObjectReference } from '../kinds/event/event.ts'
import type { Cluster } from '../kinds/index.ts'
import type { Pod } from '../kinds/pod/pod.ts'

/** The container that an event is about: `spec.containers{app}`. */
export function containerOf({ kind, fieldPath }: ObjectReference): string | undefined {
  return kind === 'Pod' ? /\{([^{}]+)\}$/.exec(fieldPath ?? '')?.[1] : undefined
}

/** What a component of the cluster last said of a container for such a reason, as far as it is still kept. */
export function lastReport(
  cluster: Pick<Cluster, 'objects'>,
  pod: Pick<Pod, 'uid' | 'namespace' | 'name'>,
  container: string,
  isMeant: (event: ClusterEvent) => boolean,
): ClusterEvent | undefined {
  let last: ClusterEvent | undefined
  for (const event of cluster.objects('events').values()) {
    if (!isAbout(event.about, pod) || containerOf(event.about) !== container || !isMeant(event)) continue
    if (last === undefined || (event.lastAt ?? '') > (last.lastAt ?? '')) last = event
  }
  return last
}

/** Kubelets know a pod that they made of a file by a hash of that file, and write of it with that hash as its uid. */
const HASH = /^[0-9a-f]{32}$/

function isAbout(about: ObjectReference, { uid, namespace, name }: Pick<Pod, 'uid' | 'namespace' | 'name'>): boolean {
  if (about.uid === uid) return true
  return HASH.test(about.uid ?? '') && about.kind === 'Pod' && about.name === name && about.namespace === namespace
}

/** An event with the uid under which the server knows the pod that it is about. */
export function withServersUid(cluster: Pick<Cluster, 'objects'>, event: ClusterEvent): ClusterEvent {
  const { about } = event
  if (about.kind !== 'Pod' || !HASH.test(about.uid ?? '')) return event
  for (const pod of cluster.objects('pods').values())
    if (pod.owner?.kind === 'Node' && isAbout(about, pod)) return { ...event, about: { ...about, uid: pod.uid } }
  return event
}
