import { entity } from '@rca/core/connector'
import {
  common,
  commonAttributes,
  inNamespace,
  namespaceRelation,
  ownedByNamespace,
  upDownCounter,
} from '../common-signals.ts'
import { count, fields, record } from '../fields.ts'
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

/** @throws Error when the object has no name or UID */
export function projectDisruptionBudget(raw: unknown): DisruptionBudget {
  const status = fields(fields(raw).status)
  return {
    ...metadataOf(raw),
    selector: record(fields(fields(fields(raw).spec).selector).matchLabels),
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
    attributes: { ...common('poddisruptionbudget'), ...inNamespace },
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

const signals = disruptionBudgetSignals

export const disruptionBudgets = kindCollector('podDisruptionBudgets', {
  entities: (budget: DisruptionBudget, allowsLabel) => [
    signals.disruptionBudget.entity({
      id: namedId(budget),
      name: budget.name,
      attributes: commonAttributes('poddisruptionbudget', budget, allowsLabel),
      relations: [namespaceRelation(budget.namespace)],
    }),
  ],
  metrics: ({ allowed, healthy, desiredHealthy }, entity) => [
    signals.disruptionsAllowed.point(allowed, entity),
    signals.disruptionHealthy.point(healthy, entity),
    signals.disruptionDesired.point(desiredHealthy, entity),
  ],
})
