import { createEventSampler, type Event, type EventSample, redactSecrets } from '@rca/core/connector'
import { transitions } from '../../changes/differences.ts'
import type { Autoscaler } from '../../kinds/autoscaler/autoscaler.ts'
import type { Condition } from '../../kinds/metadata.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isRecent, occurrence, timeOrNow } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'

/** Emits changed autoscalers, and those that are limited or cannot scale. */
export const autoscalerChanges = watchCluster((_client, { now, emit }) => {
  const sampler = createEventSampler()
  return (change) => {
    if (change.kind !== 'horizontalPodAutoscalers' || change.type === 'deleted') return
    const { object } = change
    if (object.deleted !== undefined) return
    const old = change.type === 'changed' ? change.old : undefined
    if (old !== undefined) emit(changeEvent(object, old, now()))
    for (const condition of object.conditions) {
      if (!isProblem(condition)) continue
      // Another version of the API may show an old condition for the first time.
      if (!isRecent(condition.since, now()) || old?.conditions.some(isSameProblem(condition)) === true) continue
      const sample = sampler.sample(`${object.uid}/${condition.type}`, { at: now() })
      if (sample !== undefined) emit(problemEvent(object, condition, sample, now()))
    }
  }
})

/** An autoscaler at its minimum is fine, and one whose target is scaled to 0 is disabled. */
function isProblem({ type, status, reason }: Condition): boolean {
  if (type === 'ScalingLimited') return status === 'True' && reason === 'TooManyReplicas'
  return (type === 'AbleToScale' || type === 'ScalingActive') && status === 'False' && reason !== 'ScalingDisabled'
}

/** The reason of a limit changes with the load, although the limit stays. */
function isSameProblem({ type }: Condition): (other: Condition) => boolean {
  return (other) => other.type === type && isProblem(other)
}

function problemEvent(object: Autoscaler, condition: Condition, sample: EventSample, now: Date): Event {
  const { type, reason, message, since } = condition
  const isLimit = type === 'ScalingLimited'
  const definition = isLimit ? signals.autoscalerLimited : signals.autoscalerUnable
  const problem = isLimit
    ? `is at its maximum of ${object.max} pods`
    : `cannot scale${reason === undefined ? '' : `: ${reason}`}`
  return definition.event({
    ...occurrence('HorizontalPodAutoscaler', object, {
      id: `${type}/${since ?? object.resourceVersion}`,
      at: timeOrNow(since, now),
      what: `${problem}${countSuffix(sample)}`,
    }),
    attributes: {
      ...attributesOf(object),
      ...countAttribute(sample),
      'k8s.hpa.replicas.current': object.current,
      'k8s.hpa.replicas.desired': object.desired,
      'k8s.hpa.reason': reason,
      'k8s.hpa.message': message === undefined ? undefined : redactSecrets(message),
    },
  })
}

function changeEvent(object: Autoscaler, old: Autoscaler, now: Date): Event | undefined {
  const settings = transitions(settingsOf(old), settingsOf(object))
  if (settings.length === 0) return undefined
  return signals.autoscalerChanged.event({
    ...occurrence('HorizontalPodAutoscaler', object, {
      id: `${object.resourceVersion}/changed`,
      at: now,
      what: `was changed: ${settings.join('; ')}`,
    }),
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
