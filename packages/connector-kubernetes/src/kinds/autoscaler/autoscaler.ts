import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace, upDownCounter } from '../common-signals.ts'
import { count, fields, number, partsOf, text } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Condition, conditionsOf, type Metadata, metadataOf } from '../metadata.ts'
import { isNamedKind, namedId, namedReference } from '../references.ts'

/** A HorizontalPodAutoscaler. Its metrics are left out: each API version has another format for them. */
export interface Autoscaler extends Metadata {
  readonly target: { readonly kind: string; readonly name: string }
  readonly min: number
  readonly max: number
  readonly current: number
  readonly desired: number
  readonly lastScaledAt: string | undefined
  /** Empty in `autoscaling/v1`. */
  readonly conditions: readonly Condition[]
}

export function projectAutoscaler(raw: unknown): Autoscaler {
  const { spec, status } = partsOf(raw)
  const { kind, name } = fields(spec.scaleTargetRef)
  return {
    ...metadataOf(raw),
    target: { kind: text(kind) ?? '', name: text(name) ?? '' },
    min: number(spec.minReplicas) ?? 1,
    max: count(spec.maxReplicas),
    current: count(status.currentReplicas),
    desired: count(status.desiredReplicas),
    lastScaledAt: text(status.lastScaleTime),
    conditions: conditionsOf(status),
  }
}

export const autoscalerSignals = {
  autoscaler: entity({
    type: 'k8s.hpa',
    description: 'A HorizontalPodAutoscaler.',
    attributes: {
      ...namespaced('hpa'),
      'k8s.hpa.conditions': 'Conditions, as `type=status (reason)`.',
      'k8s.hpa.last_scaled_at': 'When the number of pods last changed. ISO 8601.',
    },
    relations: { ...ownedByNamespace, scales: 'The workload that is scaled.' },
  }),
  autoscalerMin: upDownCounter('k8s.hpa.pod.min', '{pod}', 'Minimum number of pods.'),
  autoscalerMax: upDownCounter('k8s.hpa.pod.max', '{pod}', 'Maximum number of pods.'),
  autoscalerCurrent: upDownCounter('k8s.hpa.pod.current', '{pod}', 'Current number of pods, as the autoscaler counts.'),
  autoscalerDesired: upDownCounter('k8s.hpa.pod.desired', '{pod}', 'Desired number of pods.'),
}

export const autoscalers = kindCollector('horizontalPodAutoscalers', {
  type: autoscalerSignals.autoscaler.type,
  entity: (autoscaler: Autoscaler, allowsLabel) =>
    autoscalerSignals.autoscaler.entity({
      id: namedId(autoscaler),
      name: autoscaler.name,
      attributes: {
        ...commonAttributes('hpa', autoscaler, allowsLabel),
        'k8s.hpa.conditions': autoscaler.conditions.map(
          ({ type, status, reason }) => `${type}=${status}${reason === undefined ? '' : ` (${reason})`}`,
        ),
        'k8s.hpa.last_scaled_at': autoscaler.lastScaledAt,
      },
      relations: [namespaceRelation(autoscaler.namespace), ...scales(autoscaler)],
    }),
  metrics: ({ min, max, current, desired }, entity) => [
    autoscalerSignals.autoscalerMin.point(min, entity),
    autoscalerSignals.autoscalerMax.point(max, entity),
    autoscalerSignals.autoscalerCurrent.point(current, entity),
    autoscalerSignals.autoscalerDesired.point(desired, entity),
  ],
})

function scales({ target: { kind, name }, namespace }: Autoscaler) {
  return isNamedKind(kind) ? [{ type: 'scales' as const, target: namedReference(kind, { namespace, name }) }] : []
}
