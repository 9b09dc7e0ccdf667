import { type Event, redactSecrets } from '@rca/core/connector'
import { transitions } from '../../changes/differences.ts'
import type { Autoscaler } from '../../kinds/autoscaler/autoscaler.ts'
import type { Condition } from '../../kinds/metadata.ts'
import { namedId, namedReference } from '../../kinds/references.ts'
import { signals } from '../../signals.ts'
import { isRecent, momentOf } from '../event-time.ts'
import { following } from '../follower.ts'
import { countAttribute, createRepetitions, timesOver } from '../repetitions.ts'

/** Autoscalers that are changed, want more than they may, or cannot do their work. */
export const autoscalerChanges = following((_client, { now, tell }) => {
  const repetitions = createRepetitions()
  return (change) => {
    if (change.kind !== 'horizontalPodAutoscalers' || change.type === 'deleted') return
    const { object } = change
    if (object.deleted !== undefined) return
    const old = change.type === 'changed' ? change.old : undefined
    if (old !== undefined) tell(changed(object, old, now()))
    for (const condition of object.conditions) {
      if (!isTrouble(condition)) continue
      // Another version of the API may tell for the first time what is so since long ago.
      if (!isRecent(condition.since, now()) || old?.conditions.some(isSameAs(condition)) === true) continue
      const count = repetitions.count(`${object.uid}/${condition.type}`, now())
      if (count !== undefined) tell(troubled(object, condition, count, now()))
    }
  }
})

/** At its least it is well, and one of a target that is scaled to 0 is off. */
function isTrouble({ type, status, reason }: Condition): boolean {
  if (type === 'ScalingLimited') return status === 'True' && reason === 'TooManyReplicas'
  return (type === 'AbleToScale' || type === 'ScalingActive') && status === 'False' && reason !== 'ScalingDisabled'
}

/** The reason of a limit changes with the load, although it is a limit all the time. */
function isSameAs({ type }: Condition): (other: Condition) => boolean {
  return (other) => other.type === type && isTrouble(other)
}

function troubled(object: Autoscaler, condition: Condition, count: number, now: Date): Event {
  const { type, reason, message, since } = condition
  const isLimit = type === 'ScalingLimited'
  const definition = isLimit ? signals.autoscalerLimited : signals.autoscalerUnable
  const what = isLimit
    ? `is at its most, ${object.max} pods`
    : `cannot scale${reason === undefined ? '' : `: ${reason}`}`
  return definition.event({
    id: `k8s/${object.uid}/${type}/${since ?? object.resourceVersion}`,
    at: momentOf(since, now),
    entity: namedReference('HorizontalPodAutoscaler', object),
    body: `HorizontalPodAutoscaler ${namedId(object)} ${what}${timesOver(count)}`,
    attributes: {
      ...attributesOf(object),
      ...countAttribute(count),
      'k8s.hpa.replicas.current': object.current,
      'k8s.hpa.replicas.desired': object.desired,
      'k8s.hpa.reason': reason,
      'k8s.hpa.message': message === undefined ? undefined : redactSecrets(message),
    },
  })
}

function changed(object: Autoscaler, old: Autoscaler, now: Date): Event | undefined {
  const settings = transitions(settingsOf(old), settingsOf(object))
  if (settings.length === 0) return undefined
  return signals.autoscalerChanged.event({
    id: `k8s/${object.uid}/${object.resourceVersion}/changed`,
    at: now,
    entity: namedReference('HorizontalPodAutoscaler', object),
    body: `HorizontalPodAutoscaler ${namedId(object)} was changed: ${settings.join('; ')}`,
    attributes: { ...attributesOf(object), 'change.settings': settings },
  })
}

function settingsOf({ min, max, target }: Autoscaler) {
  return { min, max, target: `${target.kind}/${target.name}` }
}

function attributesOf({ namespace, name, target, min, max }: Autoscaler) {
  return {
    'k8s.namespace.name': namespace,
    'k8s.hpa.name': name,
    'k8s.hpa.target': `${target.kind}/${target.name}`,
    'k8s.hpa.replicas.min': min,
    'k8s.hpa.replicas.max': max,
  }
}
