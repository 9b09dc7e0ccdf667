import type { Cluster } from '../cluster/cluster.ts'
import type { ClusterEvent, ObjectReference } from '../resources/event.ts'

/** The container that an event is about: `spec.containers{app}`. */
export function containerOf({ kind, fieldPath }: ObjectReference): string | undefined {
  return kind === 'Pod' ? /\{([^{}]+)\}$/.exec(fieldPath ?? '')?.[1] : undefined
}

/** What a component of the cluster last said of a container for such a reason, as far as it is still kept. */
export function lastReport(
  cluster: Pick<Cluster, 'objects'>,
  podUid: string,
  container: string,
  isMeant: (event: ClusterEvent) => boolean,
): ClusterEvent | undefined {
  let last: ClusterEvent | undefined
  for (const event of cluster.objects('events').values()) {
    if (event.about.uid !== podUid || containerOf(event.about) !== container || !isMeant(event)) continue
    if (last === undefined || (event.lastAt ?? '') > (last.lastAt ?? '')) last = event
  }
  return last
}
