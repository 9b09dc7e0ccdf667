import type { Event, NameFilter } from '@rca/core/connector'
import { compareRevisions, type WorkloadDifference } from '../../changes/compare-workloads.ts'
import type { Cluster } from '../../kinds/index.ts'
import { namedReference } from '../../kinds/references.ts'
import type { OwnerRevision } from '../../kinds/replica-set/owner-revision.ts'
import type { ReplicaSet } from '../../kinds/replica-set/replica-set.ts'
import { timeOrNow } from '../occurrence.ts'
import { signals } from './signals.ts'
import { type WorkloadChange, workloadAttributes, workloadTitle } from './workload-attributes.ts'
import { describeDifference, summarize, verbOf } from './workload-difference.ts'

type ReplicaSetChange = Extract<WorkloadChange, { readonly kind: 'replicaSets' }>

/**
 * Returns the change of a workload that cannot be watched itself, such as a Rollout of Argo: its controller makes a
 * ReplicaSet for each template, and numbers the desired one. Scaling of these ReplicaSets is not a change.
 */
export function revisionChange(
  change: WorkloadChange,
  cluster: Cluster,
  isWanted: NameFilter,
  now: Date,
): Event | undefined {
  if (change.kind !== 'replicaSets' || change.type === 'deleted') return undefined
  const { object } = change
  const { ownerRevision: revision } = object
  const last = lastNumber(change)
  if (revision === undefined || object.deleted !== undefined || last >= revision.number) return undefined
  const before = revisionBefore(object, revision, last, cluster)
  const difference = before && compareRevisions(before, revision, isWanted)
  if (difference === undefined) return undefined
  const rollbackTo = last === 0 ? undefined : `${last}`
  return changed(
    object,
    revision,
    { difference, rollbackTo },
    change.type === 'added' ? timeOrNow(object.created, now) : now,
  )
}

/** Number under which the same template was desired before; 0 if it is new. */
function lastNumber(change: Exclude<ReplicaSetChange, { readonly type: 'deleted' }>): number {
  if (change.type === 'added') return change.isInitial ? Number.POSITIVE_INFINITY : 0
  // A new workload of the same name adopts the ReplicaSet unchanged.
  if (change.old.owner?.uid !== change.object.owner?.uid) return Number.POSITIVE_INFINITY
  return change.old.ownerRevision?.number ?? 0
}

function changed(
  object: ReplicaSet,
  { owner, number, helm }: OwnerRevision,
  { difference, rollbackTo }: { readonly difference: WorkloadDifference; readonly rollbackTo: string | undefined },
  at: Date,
): Event {
  const workload = { namespace: object.namespace, name: owner.name, helm }
  return signals.workloadChanged.event({
    // Equal for every agent, and stable while the pods are scaled.
    id: `k8s/${owner.uid}/${number}/changed`,
    at,
    entity: namedReference('ReplicaSet', object),
    body: `${workloadTitle(owner.kind, workload)} was ${summarize(difference, verbOf(difference, rollbackTo), '')}`,
    attributes: {
      ...workloadAttributes(owner.kind, workload),
      ...describeDifference(difference),
      'change.rollback_to': rollbackTo,
      'k8s.workload.revision': object.revision,
    },
  })
}

/**
 * Returns the replaced revision: the newest revision since `last` that has pods, or else the newest. An aborted
 * revision without pods was not replaced.
 */
function revisionBefore(
  { uid }: ReplicaSet,
  { owner, number }: OwnerRevision,
  last: number,
  cluster: Cluster,
): OwnerRevision | undefined {
  let newest: OwnerRevision | undefined
  let running: OwnerRevision | undefined
  for (const { uid: other, ownerRevision: one, desired, current } of cluster.objects('replicaSets').values()) {
    if (one?.owner.uid !== owner.uid || other === uid || one.number <= last || one.number >= number) continue
    if (one.number > (newest?.number ?? 0)) newest = one
    if ((desired > 0 || current > 0) && one.number > (running?.number ?? 0)) running = one
  }
  return running ?? newest
}
