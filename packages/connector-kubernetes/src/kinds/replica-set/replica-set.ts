import { count, fields, number } from '../fields.ts'
import { type Condition, conditionsOf, type Metadata, metadataOf } from '../metadata.ts'
import type { KeyedHash } from '../workload/pod-template.ts'
import { type OwnerRevision, ownerRevisionOf, revisionOf } from './owner-revision.ts'

/** What is kept of a ReplicaSet: its template only where nothing else that is seen has it. */
export interface ReplicaSet extends Metadata {
  readonly desired: number
  readonly current: number
  readonly ready: number
  readonly available: number
  /** Of what it belongs to, such as a Deployment. */
  readonly revision: string | undefined
  /** What it stands for of a workload that cannot be seen itself. */
  readonly ownerRevision: OwnerRevision | undefined
  /** `ReplicaFailure` says why it cannot make pods, such as a quota. */
  readonly conditions: readonly Condition[]
}

/** @throws Error when it has no name or uid. */
export function projectReplicaSet(raw: unknown, keyedHash: KeyedHash): ReplicaSet {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    desired: number(spec.replicas) ?? 1,
    current: count(status.replicas),
    ready: count(status.readyReplicas),
    available: count(status.availableReplicas),
    revision: revisionOf(raw, metadata.owner),
    ownerRevision: ownerRevisionOf(raw, metadata.owner, keyedHash),
    conditions: conditionsOf(status),
  }
}
