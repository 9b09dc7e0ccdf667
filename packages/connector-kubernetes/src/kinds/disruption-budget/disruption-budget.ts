import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace, upDownCounter } from '../common-signals.ts'
import { count, fields, partsOf, record } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Metadata, metadataOf } from '../metadata.ts'
import { namedId } from '../references.ts'

/** A PodDisruptionBudget: how many pods may be unavailable at once. */
export interface DisruptionBudget extends Metadata {
  readonly selector: Readonly<Record<string, string>>
  readonly allowed: number
  readonly healthy: number
  readonly desiredHealthy: number
  readonly expected: number
}

export function projectDisruptionBudget(raw: unknown): DisruptionBudget {
  const { spec, status } = partsOf(raw)
  return {
    ...metadataOf(raw),
    selector: record(fields(spec.selector).matchLabels),
    allowed: count(status.disruptionsAllowed),
    healthy: count(status.currentHealthy),
    desiredHealthy: count(status.desiredHealthy),
    expected: count(status.expectedPods),
  }
}

export const disruptionBudgetSignals = {
  disruptionBudget: entity({
    type: 'k8s.poddisruptionbudget',
    description: 'A PodDisruptionBudget.',
    attributes: namespaced('poddisruptionbudget'),
    relations: ownedByNamespace,
  }),
  disruptionsAllowed: upDownCounter(
    'k8s.poddisruptionbudget.pod.disruptions_allowed',
    '{pod}',
    'Pods that may be evicted now.',
  ),
  disruptionHealthy: upDownCounter('k8s.poddisruptionbudget.pod.healthy', '{pod}', 'Healthy pods.'),
  disruptionDesired: upDownCounter(
    'k8s.poddisruptionbudget.pod.desired_healthy',
    '{pod}',
    'Minimum number of healthy pods.',
  ),
}

export const disruptionBudgets = kindCollector('podDisruptionBudgets', {
  type: disruptionBudgetSignals.disruptionBudget.type,
  entity: (budget: DisruptionBudget, allowsLabel) =>
    disruptionBudgetSignals.disruptionBudget.entity({
      id: namedId(budget),
      name: budget.name,
      attributes: commonAttributes('poddisruptionbudget', budget, allowsLabel),
      relations: [namespaceRelation(budget.namespace)],
    }),
  metrics: ({ allowed, healthy, desiredHealthy }, entity) => [
    disruptionBudgetSignals.disruptionsAllowed.point(allowed, entity),
    disruptionBudgetSignals.disruptionHealthy.point(healthy, entity),
    disruptionBudgetSignals.disruptionDesired.point(desiredHealthy, entity),
  ],
})
