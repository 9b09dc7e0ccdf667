import type { Event } from '@rca/core/connector'
import { listAttribute } from '../../changes/differences.ts'
import { componentMessage } from '../../evidence/component-message.ts'
import { imagesOf } from '../../kinds/common-signals.ts'
import type { Cluster } from '../../kinds/index.ts'
import type { Condition } from '../../kinds/metadata.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { namedReference } from '../../kinds/references.ts'
import type { Workload } from '../../kinds/workload/workload-projection.ts'
import { timeOrNow } from '../occurrence.ts'
import { signals } from './signals.ts'
import { rolloutAttributes, workloadTitle } from './workload-attributes.ts'

/** Returns whether one of a workload's newest pods waits for something. */
export function hasWaitingPods(object: Workload, cluster: Cluster): boolean {
  return newestPods(object, cluster).some((pod) => waitsOf(pod).length > 0)
}

/** Describes a rollout without progress, by the condition of its controller and the waits of its newest pods. */
export function describeStuckRollout(
  object: Workload,
  condition: Condition | undefined,
  cluster: Cluster,
  now: Date,
): Event {
  const { kind, uid, generation, updated, desired, conditions, template } = object
  const waiting = newestPods(object, cluster).flatMap(waitsOf)
  const reasons = countReasons(waiting)
  const failure = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  const example = waiting.find(({ reason, message }) => reason === reasons[0]?.reason && message !== undefined)
  const why = failure?.reason ?? reasons[0]?.reason
  return signals.rolloutStuck.event({
    id: `k8s/${uid}/${condition?.since ?? generation}/rollout-stuck`,
    at: timeOrNow(condition?.since, now),
    entity: namedReference(kind, object),
    body: `The rollout of ${workloadTitle(kind, object)} is stuck: ${updated} of ${desired} pods are new${why === undefined ? '' : `, ${why}`}`,
    attributes: {
      ...rolloutAttributes(object),
      'k8s.workload.generation': generation,
      'k8s.workload.images': imagesOf(template.containers),
      'k8s.workload.message': redacted(condition?.message),
      'k8s.workload.replica_failure': redacted(failure?.message),
      'k8s.workload.pods.waiting': listAttribute(reasons.map((one) => `${one.reason}: ${one.count}`)),
      'k8s.workload.pods.message': redacted(example?.message),
    },
  })
}

interface Wait {
  readonly reason: string
  readonly message: string | undefined
}

/** Labels of pods that contain their revision. */
const REVISION_LABELS = { StatefulSet: 'controller-revision-hash', DaemonSet: 'pod-template-generation' }

/** Returns the pods of a workload's desired revision; for a Deployment, those of its newest ReplicaSet. */
function newestPods({ kind, uid, revision }: Workload, cluster: Cluster): readonly Pod[] {
  if (kind !== 'Deployment')
    return [...cluster.objects('pods').values()].filter(
      ({ owner, labels }) => owner?.uid === uid && labels[REVISION_LABELS[kind]] === revision,
    )
  const own = [...cluster.objects('replicaSets').values()]
    .filter(({ owner }) => owner?.uid === uid)
    .toSorted((one, other) => Date.parse(other.created ?? '') - Date.parse(one.created ?? ''))
  const newest = own.find((one) => one.revision !== undefined && one.revision === revision) ?? own[0]
  if (newest === undefined) return []
  return [...cluster.objects('pods').values()].filter(({ owner }) => owner?.uid === newest.uid)
}

/** Returns why a pod is not ready: it has no node yet, or one of its containers waits. */
function waitsOf({ containers, conditions, phase, reason, message, schedulingGates }: Pod): readonly Wait[] {
  if (reason !== undefined) return [{ reason, message }]
  if (schedulingGates.length > 0)
    return [{ reason: 'SchedulingGated', message: `scheduling gates: ${schedulingGates.join(', ')}` }]
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled !== undefined)
    return [{ reason: unscheduled.reason ?? 'Unschedulable', message: unscheduled.message }]
  for (const { status } of containers) {
    if (status === undefined || status.isReady) continue
    const { state, lastState } = status
    if (state?.kind === 'waiting' && state.reason !== undefined)
      return [{ reason: state.reason, message: state.message ?? lastState?.reason }]
    // Completed init containers are not ready either.
    if (state?.kind === 'terminated' && state.exitCode !== 0)
      // The container wrote the termination message: without the container's variables, its secrets cannot be redacted.
      return [{ reason: state.reason ?? 'Error', message: undefined }]
  }
  const isUnready = conditions.some(({ type, status }) => type === 'Ready' && status === 'False')
  return isUnready ? [{ reason: phase === 'Pending' ? 'Pending' : 'NotReady', message: undefined }] : []
}

/** Counts reasons, the most frequent first. */
function countReasons(waiting: readonly Wait[]): readonly { readonly reason: string; readonly count: number }[] {
  const counts = new Map<string, number>()
  for (const { reason } of waiting) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => ({ reason, count })).toSorted((one, other) => other.count - one.count)
}

function redacted(message: string | undefined): string | undefined {
  return message === undefined ? undefined : componentMessage(message)
}
