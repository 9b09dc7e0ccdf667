import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import type { Condition } from '../../kinds/metadata.ts'
import { namedReference } from '../../kinds/references.ts'
import type { Workload } from '../../kinds/workload/workload-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isEnding } from '../created-deleted.ts'
import { isRecent, occurrence } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'
import { createStalledRollouts } from './stalled-rollouts.ts'
import { describeStuckRollout } from './stuck-rollout.ts'
import { changeId, isRolloutChange, rolloutAttributes, workloadTitle } from './workload-attributes.ts'

/** Emits rollouts that complete or are stuck, and workloads that lose their last available pod or regain one. */
export const rollouts = watchCluster((client, context) => {
  const { now, emit, inBackground, signal } = context
  const stalled = createStalledRollouts(client, context)
  /** Uid → generation of a rollout that is not complete. */
  const rolling = new Map<string, number>()
  /** Uids of Deployments whose rollout was reported as stuck. */
  const stuckRollouts = new Set<string>()
  /** Uids of workloads that were reported as unavailable. */
  const unavailable = new Set<string>()
  const sampler = createEventSampler()

  const emitAvailability = (object: Workload, old: Workload): void => {
    if (isDown(object) && old.available > 0) {
      if (isEnding(client.cluster, object.namespace)) return
      const sample = sampler.sample(object.uid, { at: now() })
      if (sample === undefined) return
      unavailable.add(object.uid)
      emit(availabilityEvent(object, now(), sample))
    } else if (object.available > 0 && unavailable.delete(object.uid)) emit(availabilityEvent(object, now()))
  }
  const emitStuck = (object: Workload, condition: Condition, isInitial: boolean): void => {
    stuckRollouts.add(object.uid)
    const describe = (): void => emit(describeStuckRollout(object, condition, client.cluster, now()))
    if (!isInitial) describe()
    // Pods are listed after workloads.
    else if (isRecent(condition.since, now()))
      inBackground(() => client.cluster.listed(signal).then(describe, () => undefined))
  }

  return (change) => {
    if (!isRolloutChange(change)) return
    if (change.type === 'deleted') {
      rolling.delete(change.old.uid)
      stuckRollouts.delete(change.old.uid)
      unavailable.delete(change.old.uid)
      stalled.forget(change.old.uid)
      return
    }
    const { object } = change
    if (object.deleted !== undefined) return
    const old = change.type === 'changed' ? change.old : undefined
    const { generation } = object
    const stuck = stuckCondition(object)
    if (stuck !== undefined && (old === undefined || stuckCondition(old)?.since !== stuck.since))
      emitStuck(object, stuck, old === undefined)
    if (generation !== undefined && (old === undefined ? isUnderWay(object, generation) : isReplaced(object, old)))
      rolling.set(object.uid, generation)
    const rolled = rolling.get(object.uid)
    if (rolled !== undefined && !isComplete(object, rolled)) stalled.observe(object, rolled)
    else if (rolled !== undefined) {
      rolling.delete(object.uid)
      const wasStuck = [stuckRollouts.delete(object.uid), stalled.forget(object.uid)].includes(true)
      if (object.desired > 0) emit(completed(object, rolled, now(), wasStuck))
    }
    if (old !== undefined) emitAvailability(object, old)
    else if (isDown(object) && !isRecent(object.created, now())) unavailable.add(object.uid)
  }
})

/** The condition of a Deployment whose rollout does not progress. */
function stuckCondition({ conditions }: Workload): Condition | undefined {
  return conditions.find(
    ({ type, status, reason }) => type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  )
}

/** Returns whether a workload should have pods and none is available. */
function isDown({ desired, available }: Workload): boolean {
  return desired > 0 && available === 0
}

/** Returns whether the pods are replaced: also by a restart, which changes only their annotations. */
function isReplaced(object: Workload, old: Workload): boolean {
  return object.generation !== old.generation && object.template.rolloutHash !== old.template.rolloutHash
}

/** Returns whether some pods are old. New pods may be unavailable for other reasons. */
function isUnderWay({ desired, current, updated, observedGeneration = 0 }: Workload, generation: number): boolean {
  return observedGeneration < generation || updated < desired || current > updated
}

function isComplete(object: Workload, generation: number): boolean {
  return !isUnderWay(object, generation) && object.available >= object.desired
}

/** A rollout that was stuck is not a step of its change: readers must see its completion. */
function completed(object: Workload, generation: number, now: Date, wasStuck: boolean): Event {
  const { kind, uid, desired } = object
  return signals.rolloutCompleted.event({
    id: `k8s/${uid}/${generation}/rolled-out`,
    at: now,
    entity: namedReference(kind, object),
    body: `The rollout of ${workloadTitle(kind, object)} is complete: ${desired} ${desired === 1 ? 'pod is' : 'pods are'} available`,
    attributes: {
      ...rolloutAttributes(object),
      'k8s.workload.generation': generation,
      'step.change_id': wasStuck ? undefined : `k8s/${uid}/${changeId(generation)}`,
    },
  })
}

/** @param sample of the times at which it became unavailable; without it, the workload is available again */
function availabilityEvent(object: Workload, now: Date, sample?: EventSample): Event {
  const { kind, resourceVersion, desired, available } = object
  const attributes = rolloutAttributes(object)
  if (sample === undefined) {
    const what = `is available again: ${available} of ${desired}`
    return signals.workloadAvailable.event({
      ...occurrence(kind, object, { id: `${resourceVersion}/available`, at: now, what }),
      attributes,
    })
  }
  const what = `has lost its last available pod, of ${desired}${countSuffix(sample)}`
  return signals.workloadUnavailable.event({
    ...occurrence(kind, object, { id: `${resourceVersion}/unavailable`, at: now, what }),
    attributes: { ...attributes, ...countAttribute(sample) },
  })
}
