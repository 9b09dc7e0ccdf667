import { entity, metric } from '@rca/core/connector'
import { common, commonAttributes, inNamespace, namespaceRelation, ownedByNamespace } from '../common-signals.ts'
import { fields } from '../fields.ts'
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

/** @throws Error when the object has no name or UID */
export function projectResourceQuota(raw: unknown): ResourceQuota {
  const { hard, used } = fields(fields(raw).status)
  const wanted = quantities(fields(fields(raw).spec).hard)
  return {
    ...metadataOf(raw),
    hard: hard === undefined ? wanted : quantities(hard),
    used: quantities(used),
    wanted,
    managers: managersOf(raw),
  }
}

const resource = { 'k8s.resource.name': 'Resource, as the cluster names it, such as `requests.cpu` or `pods`.' }

export const resourceQuotaSignals = {
  resourceQuota: entity({
    type: 'k8s.resourcequota',
    description: 'A ResourceQuota: the limits of a namespace.',
    attributes: { ...common('resourcequota'), ...inNamespace },
    relations: ownedByNamespace,
  }),
  quotaHard: metric({
    name: 'k8s.resourcequota.hard',
    unit: '1',
    kind: 'updowncounter',
    description: 'Limit of a namespace for a resource: CPUs, bytes or objects.',
    attributes: resource,
  }),
  quotaUsed: metric({
    name: 'k8s.resourcequota.used',
    unit: '1',
    kind: 'updowncounter',
    description: 'Use of a resource in a namespace: CPUs, bytes or objects.',
    attributes: resource,
  }),
}

const signals = resourceQuotaSignals

export const resourceQuotas = kindCollector('resourceQuotas', {
  entities: (quota: ResourceQuota, allowsLabel) => [
    signals.resourceQuota.entity({
      id: namedId(quota),
      name: quota.name,
      attributes: commonAttributes('resourcequota', quota, allowsLabel),
      relations: [namespaceRelation(quota.namespace)],
    }),
  ],
  metrics: ({ hard, used }, entity) => [
    ...Object.entries(hard).map(([name, limit]) =>
      signals.quotaHard.point(limit, entity, { 'k8s.resource.name': name }),
    ),
    ...Object.entries(used).map(([name, amount]) =>
      signals.quotaUsed.point(amount, entity, { 'k8s.resource.name': name }),
    ),
  ],
})
