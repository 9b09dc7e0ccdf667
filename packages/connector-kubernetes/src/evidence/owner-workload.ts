import type { Cluster } from '../kinds/index.ts'
import type { Metadata, Owner } from '../kinds/metadata.ts'

/** What an object belongs to in the end: of a pod the Deployment and not its ReplicaSet, the CronJob and not its Job. */
export function ownerWorkload(
  cluster: Pick<Cluster, 'objects'>,
  { owner }: Pick<Metadata, 'owner'>,
): Owner | undefined {
  if (owner === undefined) return undefined
  const between =
    owner.kind === 'ReplicaSet'
      ? cluster.objects('replicaSets').get(owner.uid)
      : owner.kind === 'Job'
        ? cluster.objects('jobs').get(owner.uid)
        : undefined
  return between?.owner ?? owner
}

/** The same as attributes. */
export function workloadAttributes(cluster: Pick<Cluster, 'objects'>, object: Pick<Metadata, 'owner'>) {
  const owner = ownerWorkload(cluster, object)
  // A pod that a kubelet made of a file belongs to its node, which is no workload.
  if (owner?.kind === 'Node') return {}
  return { 'k8s.workload.kind': owner?.kind, 'k8s.workload.name': owner?.name }
}

/** What pods that fare alike belong to: their workload, or their namespace where each has one of its own, as Jobs that no CronJob made. */
export function podGroup(cluster: Pick<Cluster, 'objects'>, object: Pick<Metadata, 'owner' | 'namespace'>): string {
  const owner = ownerWorkload(cluster, object)
  return owner === undefined || owner.kind === 'Job' ? `${owner?.kind ?? 'Pod'} ${object.namespace}` : owner.uid
}
