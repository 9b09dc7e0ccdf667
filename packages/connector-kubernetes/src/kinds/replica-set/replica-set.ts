import { entity } from '@rca/core/connector'
import type { KeyedHash } from '../../informer/object-store.ts'
import { commonAttributes, namespaced, ownedByWorkload, ownerRelation, upDownCounter } from '../common-signals.ts'
import { count, number, partsOf } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Condition, conditionsOf, type Metadata, metadataOf } from '../metadata.ts'
import { namedId } from '../references.ts'
import { rolloutHashOf } from '../workload/pod-template.ts'
import { type OwnerRevision, ownerRevisionOf, revisionOf } from './owner-revision.ts'

/** A ReplicaSet. Its template is kept only if no other cached object has the same one. */
export interface ReplicaSet extends Metadata {
  readonly desired: number
  readonly current: number
  readonly ready: number
  readonly available: number
  /** Revision of the owner, such as a Deployment. */
  readonly revision: string | undefined
  /** Set for an owner of a kind that is not cached, such as an Argo Rollout. */
  readonly ownerRevision: OwnerRevision | undefined
  /** Keyed hash of the template of a Deployment's revision. */
  readonly rolloutHash: string | undefined
  /** `ReplicaFailure` says why pods cannot be created, such as a quota. */
  readonly conditions: readonly Condition[]
}

export function projectReplicaSet(raw: unknown, keyedHash: KeyedHash): ReplicaSet {
  const { spec, status } = partsOf(raw)
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    desired: number(spec.replicas) ?? 1,
    current: count(status.replicas),
    ready: count(status.readyReplicas),
    available: count(status.availableReplicas),
    revision: revisionOf(raw, metadata.owner),
    ownerRevision: ownerRevisionOf(raw, metadata.owner, keyedHash),
    rolloutHash: metadata.owner?.kind === 'Deployment' ? rolloutHashOf(spec.template, keyedHash) : undefined,
    conditions: conditionsOf(status),
  }
}

export const replicaSetSignals = {
  replicaSet: entity({
    type: 'k8s.replicaset',
    description: 'A ReplicaSet that has or wants pods. Old revisions without pods are left out.',
    attributes: {
      ...namespaced('replicaset'),
      'k8s.workload.revision': 'Revision of the owner, such as a Deployment.',
    },
    relations: ownedByWorkload,
  }),
  replicaSetDesired: upDownCounter('k8s.replicaset.pod.desired', '{pod}', 'Desired pods of a ReplicaSet.'),
  replicaSetReady: upDownCounter('k8s.replicaset.pod.ready', '{pod}', 'Ready pods of a ReplicaSet.'),
  replicaSetAvailable: upDownCounter('k8s.replicaset.pod.available', '{pod}', 'Available pods of a ReplicaSet.'),
}

export const replicaSets = kindCollector('replicaSets', {
  type: replicaSetSignals.replicaSet.type,
  // A cluster keeps ten old ReplicaSets of each Deployment, which have no pods.
  isReported: ({ desired, current }: ReplicaSet) => desired > 0 || current > 0,
  entity: (replicaSet: ReplicaSet, allowsLabel) =>
    replicaSetSignals.replicaSet.entity({
      id: namedId(replicaSet),
      name: replicaSet.name,
      attributes: {
        ...commonAttributes('replicaset', replicaSet, allowsLabel),
        'k8s.workload.revision': replicaSet.revision,
      },
      relations: [ownerRelation(replicaSet)],
    }),
  metrics: ({ desired, available, ready }, entity) => [
    replicaSetSignals.replicaSetDesired.point(desired, entity),
    replicaSetSignals.replicaSetReady.point(ready, entity),
    replicaSetSignals.replicaSetAvailable.point(available, entity),
  ],
})
