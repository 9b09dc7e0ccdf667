import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace } from '../common-signals.ts'
import { list, partsOf, text } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Metadata, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'
import { namedId } from '../references.ts'

interface Limit {
  /** `Container`, `Pod` or `PersistentVolumeClaim`. */
  readonly type: string
  readonly min: Quantities
  readonly max: Quantities
  /** Limits of an object that sets none. */
  readonly defaults: Quantities
  /** Requests of an object that sets none. */
  readonly defaultRequests: Quantities
}

export interface LimitRange extends Metadata {
  readonly limits: readonly Limit[]
}

export function projectLimitRange(raw: unknown): LimitRange {
  return {
    ...metadataOf(raw),
    limits: list(partsOf(raw).spec.limits).map((limit) => ({
      type: text(limit.type) ?? '',
      min: quantities(limit.min),
      max: quantities(limit.max),
      defaults: quantities(limit.default),
      defaultRequests: quantities(limit.defaultRequest),
    })),
  }
}

export const limitRangeSignals = {
  limitRange: entity({
    type: 'k8s.limitrange',
    description: 'A LimitRange: the bounds for each pod, container or claim of a namespace.',
    attributes: {
      ...namespaced('limitrange'),
      'k8s.limitrange.limits': 'Bounds, as `Container cpu max=2 default=0.5`.',
    },
    relations: ownedByNamespace,
  }),
}

export const limitRanges = kindCollector('limitRanges', {
  type: limitRangeSignals.limitRange.type,
  interval: '60s',
  entity: (range: LimitRange, allowsLabel) =>
    limitRangeSignals.limitRange.entity({
      id: namedId(range),
      name: range.name,
      attributes: {
        ...commonAttributes('limitrange', range, allowsLabel),
        'k8s.limitrange.limits': range.limits.flatMap(describeLimit),
      },
      relations: [namespaceRelation(range.namespace)],
    }),
})

/** Returns `Container cpu min=0.1 max=2 default=0.5` for each resource. */
function describeLimit({ type, min, max, defaults, defaultRequests }: Limit): string[] {
  const bounds = Object.entries({ min, max, default: defaults, default_request: defaultRequests })
  const resources = new Set(bounds.flatMap(([, amounts]) => Object.keys(amounts)))
  return [...resources].map((resource) => {
    const known = bounds.filter(([, amounts]) => amounts[resource] !== undefined)
    return `${type} ${resource} ${known.map(([name, amounts]) => `${name}=${amounts[resource]}`).join(' ')}`
  })
}
