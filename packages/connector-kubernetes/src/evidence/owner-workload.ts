import type { Cluster } from '../kinds/index.ts'
import type { Metadata, Owner } from '../kinds/metadata.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'

/** Returns the topmost owner: the Deployment of a pod instead of its ReplicaSet, the CronJob instead of its Job. */
export function ownerWorkload(cluster: Cluster, { owner }: Pick<Metadata, 'owner'>): Owner | undefined {
  if (owner?.kind === 'ReplicaSet') return cluster.objects('replicaSets').get(owner.uid)?.owner ?? owner
  if (owner?.kind === 'Job') return cluster.objects('jobs').get(owner.uid)?.owner ?? owner
  return owner
}

/** A pod and its workload as attributes. */
export function podAttributes(cluster: Cluster, pod: Pod) {
  return {
    'k8s.namespace.name': pod.namespace,
    'k8s.pod.name': pod.name,
    'k8s.pod.uid': pod.uid,
    'k8s.node.name': pod.node,
    ...workloadAttributes(cluster, pod),
  }
}

/** The topmost owner as attributes. */
export function workloadAttributes(cluster: Cluster, object: Pick<Metadata, 'owner'>) {
  const owner = ownerWorkload(cluster, object)
  // A kubelet made the pod from a file. Its owner is the node.
  if (owner?.kind === 'Node') return {}
  return { 'k8s.workload.kind': owner?.kind, 'k8s.workload.name': owner?.name }
}

/**
 * Key of the pods that are sampled together: those of a workload, or of a namespace if they have no workload or a Job
 * of their own.
 */
export function podGroup(cluster: Cluster, object: Pick<Metadata, 'owner' | 'namespace'>): string {
  const owner = ownerWorkload(cluster, object)
  return owner === undefined || owner.kind === 'Job' ? `${owner?.kind ?? 'Pod'} ${object.namespace}` : owner.uid
}
