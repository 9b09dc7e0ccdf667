import type { Event, NameFilter } from '@rca/core/connector'
import {
  compareCronJobs,
  compareRevisions,
  compareWorkloads,
  type WorkloadDifference,
} from '../../changes/compare-workloads.ts'
import { transitions } from '../../changes/differences.ts'
import {
  authorAttributes,
  byAuthor,
  changeAuthor,
  changedAt,
  creator,
  newestNewManager,
} from '../../changes/field-manager.ts'
import type { Change } from '../../informer/object-store.ts'
import { imagesOf, labelFilter } from '../../kinds/common-signals.ts'
import type { CronJob } from '../../kinds/cron-job/cron-job.ts'
import type { Job } from '../../kinds/job/job.ts'
import type { Manager } from '../../kinds/metadata.ts'
import type { NamedKind } from '../../kinds/references.ts'
import type { ReplicaSet } from '../../kinds/replica-set/replica-set.ts'
import type { Workload } from '../../kinds/workload/workload-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
import { createRescales, type Rescale } from './rescales.ts'
import { revisionChange } from './revision-changes.ts'
import { createRollbacks } from './rollbacks.ts'
import { signals } from './signals.ts'
import {
  changeId,
  isRolloutChange,
  isWorkloadChange,
  type WorkloadChange,
  workloadAttributes,
  workloadKinds,
} from './workload-attributes.ts'
import { describeDifference, summarize, verbOf } from './workload-difference.ts'

type AnyWorkload = Workload | ReplicaSet | Job | CronJob
type ChangedWorkload = Extract<WorkloadChange, { readonly type: 'changed' }>

/** Emits workloads that are created, changed, scaled and deleted, with the author. */
export const workloadChanges = watchCluster((client, context) => {
  const lifecycle = createLifecycle<AnyWorkload>(client, context)
  const isWanted = labelFilter(client.config.object_labels)
  const rollbacks = createRollbacks(client.cluster)
  const rescales = createRescales(client.cluster, context)
  const emitScaled = (kind: NamedKind, { object, old }: Scalable, now: Date): void => {
    const writer = scaler(object, old)
    const emit = (rescale: Rescale | undefined) => context.emit(scaled(kind, { object, old }, writer, rescale, now))
    // The autoscaler is the only controller of the cluster itself that scales. Old servers do not record who did.
    if (writer === undefined || writer.name === 'kube-controller-manager')
      rescales.find(kind, object, object.desired, emit)
    else emit(undefined)
  }
  return (change) => {
    rescales.observe(change)
    if (!isWorkloadChange(change)) return
    const now = context.now()
    if (change.type === 'deleted') rollbacks.forget(change.old.uid)
    if (hasOwner(change)) return context.emit(revisionChange(change, client.cluster, isWanted, now))
    const kind = workloadKinds[change.kind]
    const creation = creationOf<AnyWorkload>(change as Change<AnyWorkload>, now)
    if (creation !== undefined)
      return lifecycle.created(kind, creation.object, created(kind, creation), (old) =>
        replaced(kind, creation, old, isWanted),
      )
    const deletion = deletionOf<AnyWorkload>(change as Change<AnyWorkload>, now)
    if (deletion !== undefined) return lifecycle.deleted(kind, deletion.object, deleted(kind, deletion))
    if (change.type !== 'changed' || change.object.deleted !== undefined) return
    const difference = differenceOf(change, isWanted)
    const rollbackTo = isRolloutChange(change) ? rollbacks.revisionOf(change.object, change.old) : undefined
    if (difference !== undefined) context.emit(changed(kind, change, { difference, rollbackTo }, now))
    if (isScaled(change)) emitScaled(kind, change, now)
  }
})

/** ReplicaSets of Deployments and Jobs of CronJobs come and go with every change and run. */
function hasOwner({ kind, type, ...change }: WorkloadChange): boolean {
  if (kind !== 'replicaSets' && kind !== 'jobs') return false
  const { object, old } = change as { readonly object?: AnyWorkload; readonly old?: AnyWorkload }
  // The cluster deletes finished Jobs by itself.
  const isEndOfJob = kind === 'jobs' && (type === 'deleted' || object?.deleted !== undefined)
  return (object ?? old)?.owner !== undefined || isEndOfJob
}

function created(kind: NamedKind, { object, at }: ObjectMoment<AnyWorkload>): Event {
  const writer = creator('managers' in object ? object.managers : [])
  return signals.workloadCreated.event({
    ...occurrence(kind, object, { id: 'created', at, what: `was created${byAuthor(writer)}` }),
    attributes: {
      ...workloadAttributes(kind, object),
      ...authorAttributes(writer),
      'k8s.workload.images': 'template' in object ? imagesOf(object.template.containers) : undefined,
      'k8s.workload.replicas.desired': desiredPods(object, kind),
    },
  })
}

/** Describes a workload that takes the place of a deleted one. */
function replaced(
  kind: NamedKind,
  { object, at }: ObjectMoment<AnyWorkload>,
  old: AnyWorkload,
  isWanted: NameFilter,
): Event {
  const writer = creator('managers' in object ? object.managers : [])
  const [before, after] = [desiredPods(old, kind), desiredPods(object, kind)]
  const difference =
    'template' in old && 'template' in object
      ? compareRevisions(old, object, isWanted, transitions({ replicas: before }, { replicas: after }))
      : undefined
  const verb = 'deleted and replaced'
  return signals.workloadChanged.event({
    ...occurrence(kind, object, {
      id: 'replaced',
      at,
      what: `was ${difference === undefined ? `${verb}${byAuthor(writer)}` : summarize(difference, verb, byAuthor(writer))}`,
    }),
    attributes: {
      ...workloadAttributes(kind, object),
      ...authorAttributes(writer),
      ...(difference === undefined ? {} : describeDifference(difference)),
      'k8s.workload.generation': generationOf(object),
    },
  })
}

function deleted(kind: NamedKind, { object, at }: ObjectMoment<AnyWorkload>): Event {
  return signals.workloadDeleted.event({
    ...occurrence(kind, object, { id: 'deleted', at, what: 'was deleted' }),
    attributes: { ...workloadAttributes(kind, object), 'k8s.workload.replicas.desired': desiredPods(object, kind) },
  })
}

/** Desired pods. Those of a DaemonSet follow from the nodes. */
function desiredPods(object: AnyWorkload, kind: string): number | undefined {
  return 'desired' in object && kind !== 'DaemonSet' ? object.desired : undefined
}

function differenceOf(change: ChangedWorkload, isWanted: NameFilter): WorkloadDifference | undefined {
  if (change.kind === 'cronJobs') return compareCronJobs(change.old, change.object, isWanted)
  if (change.kind === 'replicaSets' || change.kind === 'jobs') return undefined
  return compareWorkloads(change.old, change.object, isWanted)
}

function changed(
  kind: NamedKind,
  { object, old }: { readonly object: AnyWorkload; readonly old: AnyWorkload },
  { difference, rollbackTo }: { readonly difference: WorkloadDifference; readonly rollbackTo: string | undefined },
  now: Date,
): Event {
  const writer = authorSince(object, old)
  return signals.workloadChanged.event({
    ...occurrence(kind, object, {
      id: changeId(generationOf(object) ?? object.resourceVersion),
      at: changedAt(writer, now),
      what: `was ${summarize(difference, verbOf(difference, rollbackTo), byAuthor(writer))}`,
    }),
    attributes: {
      ...workloadAttributes(kind, object),
      ...authorAttributes(writer),
      ...describeDifference(difference),
      'change.rollback_to': rollbackTo === '' ? undefined : rollbackTo,
      'k8s.workload.generation': generationOf(object),
      // The controller of a Deployment sets the next revision later.
      'k8s.workload.revision': revisionSince(object, old),
    },
  })
}

function revisionSince(object: AnyWorkload, old: AnyWorkload): string | undefined {
  const revision = 'revision' in object ? object.revision : undefined
  return 'revision' in old && old.revision === revision ? undefined : revision
}

type Scalable = Extract<ChangedWorkload, { readonly kind: 'deployments' | 'statefulSets' | 'replicaSets' }>

function isScaled(change: ChangedWorkload): change is Scalable {
  const { kind } = change
  if (kind !== 'deployments' && kind !== 'statefulSets' && kind !== 'replicaSets') return false
  return change.old.desired !== change.object.desired
}

function scaler(object: Workload | ReplicaSet, old: Workload | ReplicaSet): Manager | undefined {
  if (!('managers' in object && 'managers' in old)) return undefined
  return newestNewManager(object.managers, old.managers, ['spec'])
}

function scaled(
  kind: NamedKind,
  { object, old }: { readonly object: Workload | ReplicaSet; readonly old: Workload | ReplicaSet },
  writer: Manager | undefined,
  rescale: Rescale | undefined,
  now: Date,
): Event {
  const autoscaler = rescale === undefined ? '' : `HorizontalPodAutoscaler ${rescale.autoscaler}`
  const author = rescale !== undefined && writer === undefined ? ` by ${autoscaler}` : byAuthor(writer)
  const by = rescale !== undefined && writer !== undefined ? `${author} for ${autoscaler}` : author
  const why = rescale?.reason === undefined ? '' : `; ${rescale.reason}`
  return signals.workloadScaled.event({
    ...occurrence(kind, object, {
      id: `${generationOf(object) ?? object.resourceVersion}/scaled`,
      at: changedAt(writer, now),
      what: `was scaled${by}: ${old.desired} → ${object.desired}${why}`,
    }),
    // No pods are left to serve.
    severity: object.desired === 0 ? 'warning' : undefined,
    attributes: {
      ...workloadAttributes(kind, object),
      ...authorAttributes(writer),
      'k8s.workload.generation': generationOf(object),
      'k8s.hpa.name': rescale?.autoscaler,
      'k8s.hpa.reason': rescale?.reason,
      'change.replicas.old': old.desired,
      'change.replicas.new': object.desired,
    },
  })
}

/** Returns the author of a change, without managers that only scaled. */
function authorSince(object: AnyWorkload, old: AnyWorkload): Manager | undefined {
  if (!('managers' in object && 'managers' in old)) return undefined
  const authors = object.managers.filter(({ subresource }) => subresource !== 'scale')
  return changeAuthor(authors, old.managers, ['spec'])
}

function generationOf(object: AnyWorkload): number | undefined {
  return 'generation' in object ? object.generation : undefined
}
