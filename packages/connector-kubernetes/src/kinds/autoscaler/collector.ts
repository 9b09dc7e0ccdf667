import { signals } from '../../signals.ts'
import { commonAttributes, namespaceRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import { isNamedKind, namedId, namedReference } from '../references.ts'
import type { Autoscaler } from './autoscaler.ts'

/** Every HorizontalPodAutoscaler, with its bounds and what it wants. */
export const autoscalers = kindCollector('horizontalPodAutoscalers', {
  entities: (autoscaler, isWantedLabel) => [
    signals.autoscaler.entity({
      id: namedId(autoscaler),
      name: autoscaler.name,
      attributes: {
        ...commonAttributes('hpa', autoscaler, isWantedLabel),
        'k8s.hpa.conditions': autoscaler.conditions.map(
          ({ type, status, reason }) => `${type}=${status}${reason === undefined ? '' : ` (${reason})`}`,
        ),
        'k8s.hpa.last_scaled_at': autoscaler.lastScaledAt,
      },
      relations: [namespaceRelation(autoscaler.namespace), ...scales(autoscaler)],
    }),
  ],
  metrics: ({ min, max, current, desired }, entity) => [
    signals.autoscalerMin.point(min, entity),
    signals.autoscalerMax.point(max, entity),
    signals.autoscalerCurrent.point(current, entity),
    signals.autoscalerDesired.point(desired, entity),
  ],
})

/** Every PodDisruptionBudget, and what may be taken away now. */
export const disruptionBudgets = kindCollector('podDisruptionBudgets', {
  entities: (budget, isWantedLabel) => [
    signals.disruptionBudget.entity({
      id: namedId(budget),
      name: budget.name,
      attributes: commonAttributes('poddisruptionbudget', budget, isWantedLabel),
      relations: [namespaceRelation(budget.namespace)],
    }),
  ],
  metrics: ({ allowed, healthy, desiredHealthy }, entity) => [
    signals.disruptionsAllowed.point(allowed, entity),
    signals.disruptionHealthy.point(healthy, entity),
    signals.disruptionDesired.point(desiredHealthy, entity),
  ],
})

function scales({ target: { kind, name }, namespace }: Autoscaler) {
  return isNamedKind(kind) ? [{ type: 'scales' as const, target: namedReference(kind, { namespace, name }) }] : []
}
