import type { ClusterChange } from '../../kinds/index.ts'
import type { HelmRelease, Metadata } from '../../kinds/metadata.ts'
import { type NamedKind, namedId } from '../../kinds/references.ts'
import type { Workload } from '../../kinds/workload/workload-projection.ts'

/** Kinds of workloads, with the name of one object. */
export const workloadKinds = {
  deployments: 'Deployment',
  statefulSets: 'StatefulSet',
  daemonSets: 'DaemonSet',
  replicaSets: 'ReplicaSet',
  jobs: 'Job',
  cronJobs: 'CronJob',
} as const satisfies Partial<Record<ClusterChange['kind'], NamedKind>>

export type WorkloadChange = Extract<ClusterChange, { readonly kind: keyof typeof workloadKinds }>

export function isWorkloadChange(change: ClusterChange): change is WorkloadChange {
  return Object.hasOwn(workloadKinds, change.kind)
}

/** A change of a workload whose controller rolls out a template. */
export type RolloutChange = Extract<ClusterChange, { readonly kind: 'deployments' | 'statefulSets' | 'daemonSets' }>

export function isRolloutChange(change: ClusterChange): change is RolloutChange {
  return change.kind === 'deployments' || change.kind === 'statefulSets' || change.kind === 'daemonSets'
}

/** The workload as attributes. */
export function workloadAttributes(
  kind: string,
  { namespace, name, helm }: Pick<Metadata, 'namespace' | 'name'> & { readonly helm?: HelmRelease | undefined },
) {
  return {
    'k8s.namespace.name': namespace,
    'k8s.workload.kind': kind,
    'k8s.workload.name': name,
    'k8s.helm.release': helm?.name,
    'k8s.helm.chart': helm?.chart,
  }
}

/** A workload, its revision and its numbers of pods as attributes. */
export function rolloutAttributes(object: Workload) {
  const { kind, revision, desired, updated, ready, available } = object
  return {
    ...workloadAttributes(kind, object),
    'k8s.workload.revision': revision,
    'k8s.workload.replicas.desired': desired,
    'k8s.workload.replicas.updated': updated,
    'k8s.workload.replicas.ready': ready,
    'k8s.workload.replicas.available': available,
  }
}

/** Identifies the event of a change among those of a workload. `version` is its generation, if it has one. */
export function changeId(version: number | string): string {
  return `${version}/changed`
}

/** `Deployment shop/web` */
export function workloadTitle(kind: string, object: Pick<Metadata, 'namespace' | 'name'>): string {
  return `${kind} ${namedId(object)}`
}
