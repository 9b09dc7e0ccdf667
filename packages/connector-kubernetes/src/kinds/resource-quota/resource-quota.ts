import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace, upDownCounter } from '../common-signals.ts'
import { partsOf } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'
import { namedId } from '../references.ts'

export interface ResourceQuota extends Metadata {
  /** Enforced limits by resource: `requests.cpu`, `pods`, … */
  readonly hard: Quantities
  readonly used: Quantities
  /** Limits of the specification; `hard` follows once the controller applied them. */
  readonly wanted: Quantities
  readonly managers: readonly Manager[]
}

export function projectResourceQuota(raw: unknown): ResourceQuota {
  const { spec, status } = partsOf(raw)
  const wanted = quantities(spec.hard)
  return {
    ...metadataOf(raw),
    hard: status.hard === undefined ? wanted : quantities(status.hard),
    used: quantities(status.used),
    wanted,
    managers: managersOf(raw),
  }
}

const resource = { 'k8s.resource.name': 'Resource, as the cluster names it, such as `requests.cpu` or `pods`.' }

export const resourceQuotaSignals = {
  resourceQuota: entity({
    type: 'k8s.resourcequota',
    description: 'A ResourceQuota: the limits of a namespace.',
    attributes: namespaced('resourcequota'),
    relations: ownedByNamespace,
  }),
  quotaHard: upDownCounter(
    'k8s.resourcequota.hard',
    '1',
    'Limit of a namespace for a resource: CPUs, bytes or objects.',
    resource,
  ),
  quotaUsed: upDownCounter(
    'k8s.resourcequota.used',
    '1',
    'Use of a resource in a namespace: CPUs, bytes or objects.',
    resource,
  ),
}

export const resourceQuotas = kindCollector('resourceQuotas', {
  entity: (quota: ResourceQuota, allowsLabel) =>
    resourceQuotaSignals.resourceQuota.entity({
      id: namedId(quota),
      name: quota.name,
      attributes: commonAttributes('resourcequota', quota, allowsLabel),
      relations: [namespaceRelation(quota.namespace)],
    }),
  metrics: ({ hard, used }, entity) => [
    ...Object.entries(hard).map(([name, limit]) =>
      resourceQuotaSignals.quotaHard.point(limit, entity, { 'k8s.resource.name': name }),
    ),
    ...Object.entries(used).map(([name, amount]) =>
      resourceQuotaSignals.quotaUsed.point(amount, entity, { 'k8s.resource.name': name }),
    ),
  ],
})
