import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace, upDownCounter } from '../common-signals.ts'
import { type Fields, fields, list, partsOf, text, texts } from '../fields.ts'
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
  /** Pods to which it is limited: `BestEffort`, `PriorityClass In high, middle`. */
  readonly scopes: readonly string[]
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
    scopes: [...texts(spec.scopes), ...list(fields(spec.scopeSelector).matchExpressions).map(scopeOf)],
    managers: managersOf(raw),
  }
}

function scopeOf({ scopeName, operator, values }: Fields): string {
  return [text(scopeName), text(operator), texts(values).join(', ')].filter(Boolean).join(' ')
}

const resource = { 'k8s.resource.name': 'Resource, as the cluster names it, such as `requests.cpu` or `pods`.' }

export const resourceQuotaSignals = {
  resourceQuota: entity({
    type: 'k8s.resourcequota',
    description: 'A ResourceQuota: the limits of a namespace.',
    attributes: {
      ...namespaced('resourcequota'),
      'k8s.resourcequota.scopes': 'Pods to which it is limited, as `BestEffort` or `PriorityClass In high`.',
    },
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
  type: resourceQuotaSignals.resourceQuota.type,
  entity: (quota: ResourceQuota, allowsLabel) =>
    resourceQuotaSignals.resourceQuota.entity({
      id: namedId(quota),
      name: quota.name,
      attributes: {
        ...commonAttributes('resourcequota', quota, allowsLabel),
        'k8s.resourcequota.scopes': quota.scopes.length === 0 ? undefined : quota.scopes,
      },
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
