import { count, fields, number } from './lenient.ts'
import { annotationOf, type Condition, conditionsOf, type Metadata, metadataOf } from './metadata.ts'

/** What is kept of a ReplicaSet: not its template, since a cluster keeps ten old ones of each Deployment. */
export interface ReplicaSet extends Metadata {
  readonly desired: number
  readonly current: number
  readonly ready: number
  readonly available: number
  /** Of the Deployment that it belongs to. */
  readonly revision: string | undefined
  /** `ReplicaFailure` says why it cannot make pods, such as a quota. */
  readonly conditions: readonly Condition[]
}

/** @throws Error when it has no name or uid. */
export function projectReplicaSet(raw: unknown): ReplicaSet {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  return {
    ...metadataOf(raw),
    desired: number(spec.replicas) ?? 1,
    current: count(status.replicas),
    ready: count(status.readyReplicas),
    available: count(status.availableReplicas),
    revision: annotationOf(raw, 'deployment.kubernetes.io/revision'),
    conditions: conditionsOf(status),
  }
}
