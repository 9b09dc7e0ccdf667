import type { Event } from '@rca/core/connector'
import type { Condition } from '../../kinds/metadata.ts'
import { namedReference } from '../../kinds/references.ts'
import type { Workload } from '../../kinds/workload/workload.ts'
import { signals } from '../../signals.ts'
import { isRecent } from '../event-time.ts'
import { following } from '../follower.ts'
import { isEnding } from '../lifecycle.ts'
import { countAttribute, createRepetitions, timesOver } from '../repetitions.ts'
import { createStalledRollouts } from './stalled-rollouts.ts'
import { describeStuckRollout } from './stuck-rollout.ts'
import { isRolloutChange, replicaAttributes, titleOf, workloadAttributes } from './workload-attributes.ts'

/** How workloads take what is done to them: rollouts that complete or are stuck, and workloads without any available pod. */
export const rollouts = following((client, context) => {
  const { now, tell, later, signal } = context
  const stalled = createStalledRollouts(client, context)
  /** Uid → generation that is rolled out, and is not told to be complete yet. */
  const rolling = new Map<string, number>()
  /** Uids of those that are told to have no available pod. */
  const unavailable = new Set<string>()
  const repetitions = createRepetitions()

  const tellAvailability = (object: Workload, old: Workload): void => {
    if (isDown(object) && old.available > 0) {
      if (isEnding(client.cluster, object.namespace)) return
      const count = repetitions.count(object.uid, now())
      if (count === undefined) return
      unavailable.add(object.uid)
      tell(availabilityEvent(object, now(), count))
    } else if (object.available > 0 && unavailable.delete(object.uid)) tell(availabilityEvent(object, now()))
  }
  const tellStuck = (object: Workload, condition: Condition, isInitial: boolean): void => {
    const describe = (): void => tell(describeStuckRollout(object, condition, client.cluster, now()))
    if (!isInitial) describe()
    // Its pods are listed after it.
    else if (isRecent(condition.since, now()))
      later(() => client.cluster.listed(signal).then(describe, () => undefined))
  }

  return (change) => {
    if (!isRolloutChange(change)) return
    if (change.type === 'deleted') {
      rolling.delete(change.old.uid)
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
      tellStuck(object, stuck, old === undefined)
    if (generation !== undefined && (old === undefined ? isUnderWay(object, generation) : isReplaced(object, old)))
      rolling.set(object.uid, generation)
    const rolled = rolling.get(object.uid)
    if (rolled !== undefined && !isComplete(object, rolled)) stalled.look(object, rolled)
    else if (rolled !== undefined) {
      rolling.delete(object.uid)
      stalled.forget(object.uid)
      if (object.desired > 0) tell(completed(object, rolled, now()))
    }
    if (old !== undefined) tellAvailability(object, old)
    else if (isDown(object) && !isRecent(object.created, now())) unavailable.add(object.uid)
  }
})

/** Says that its rollout does not progress. */
function stuckCondition({ conditions }: Workload): Condition | undefined {
  return conditions.find(
    ({ type, status, reason }) => type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  )
}

/** It wants pods, and none is available. */
function isDown({ desired, available }: Workload): boolean {
  return desired > 0 && available === 0
}

/** Its pods are to be replaced. A restart, and another version of a chart, are written to their annotations and labels alone. */
function isReplaced(object: Workload, old: Workload): boolean {
  return object.generation !== old.generation && identify(object) !== identify(old)
}

function identify({ template: { keyedHash, annotations, labels } }: Workload): string {
  return JSON.stringify([keyedHash, annotations, labels])
}

/** Not all of its pods are new. That some are not available may have other reasons. */
function isUnderWay({ desired, current, updated, observedGeneration = 0 }: Workload, generation: number): boolean {
  return observedGeneration < generation || updated < desired || current > updated
}

function isComplete(object: Workload, generation: number): boolean {
  return !isUnderWay(object, generation) && object.available >= object.desired
}

function completed(object: Workload, generation: number, now: Date): Event {
  const { kind, uid, revision, desired } = object
  return signals.rolloutCompleted.event({
    id: `k8s/${uid}/${generation}/rolled-out`,
    at: now,
    entity: namedReference(kind, object),
    body: `The rollout of ${titleOf(kind, object)} is complete: ${desired} ${desired === 1 ? 'pod is' : 'pods are'} available`,
    attributes: {
      ...workloadAttributes(kind, object),
      ...replicaAttributes(object),
      'k8s.workload.generation': generation,
      'k8s.workload.revision': revision,
    },
  })
}

/** @param count how often it became unavailable; without it, it is available again */
function availabilityEvent(object: Workload, now: Date, count?: number): Event {
  const { kind, uid, resourceVersion, desired, available, revision } = object
  const common = {
    entity: namedReference(kind, object),
    attributes: {
      ...workloadAttributes(kind, object),
      ...replicaAttributes(object),
      'k8s.workload.revision': revision,
    },
  }
  if (count === undefined)
    return signals.workloadAvailable.event({
      ...common,
      id: `k8s/${uid}/${resourceVersion}/available`,
      at: now,
      body: `${titleOf(kind, object)} is available again: ${available} of ${desired}`,
    })
  return signals.workloadUnavailable.event({
    ...common,
    id: `k8s/${uid}/${resourceVersion}/unavailable`,
    at: now,
    body: `${titleOf(kind, object)} has no available pod any more, of ${desired}${timesOver(count)}`,
    attributes: { ...common.attributes, ...countAttribute(count) },
  })
}
