import {
  type Collector,
  type Entity,
  type EntityReference,
  type Metric,
  mergeSignals,
  type NameFilter,
  type Signals,
} from '@rca/core/connector'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { commonAttributes, labelFilter, namespaceRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import type { Quantities } from '../quantity.ts'
import { namedId } from '../references.ts'
import { type Limit, type Namespace, projectNamespace } from './namespace.ts'

/** Every namespace that is watched. An agent that is restricted to some may not follow them: it asks for each. */
export const namespaces: Collector<KubernetesClient> = {
  interval: '60s',
  timeout: '60s',
  async collect(client, context) {
    if (client.config.namespaces.length === 0) return allNamespaces.collect(client, context)
    const isWantedLabel = labelFilter(client.config.object_labels)
    return mergeSignals(
      await Promise.all(client.config.namespaces.map((name) => askFor(name, client, isWantedLabel, context.signal))),
    )
  },
}

const allNamespaces = kindCollector('namespaces', {
  entities: (namespace, isWantedLabel, client) => [describe(namespace, isWantedLabel, client)],
  metrics: ({ phase }, entity) => [phasePoint(phase, entity)],
})

async function askFor(
  name: string,
  client: KubernetesClient,
  isWantedLabel: NameFilter,
  signal: AbortSignal,
): Promise<Signals> {
  const scope = `kubernetes:namespaces/${name}`
  const resource = client.cluster.resource('namespaces')
  if (resource === undefined) return {}
  try {
    const found = await client.api.get(resource, { name }, signal)
    if (found === undefined) return { gaps: [{ scope, reason: `\`namespaces\`: there is no namespace ${name}` }] }
    const namespace = projectNamespace(found)
    const entity = describe(namespace, isWantedLabel, client)
    return { entities: [entity], metrics: [phasePoint(namespace.phase, entity)] }
  } catch (error) {
    return { gaps: [{ scope, reason: error instanceof Error ? error.message : String(error) }] }
  }
}

function describe(namespace: Namespace, isWantedLabel: NameFilter, { entity }: KubernetesClient): Entity {
  return signals.namespace.entity({
    id: namespace.name,
    name: namespace.name,
    attributes: {
      ...commonAttributes('namespace', namespace, isWantedLabel),
      'k8s.namespace.phase': namespace.phase,
    },
    relations: [{ type: 'owned_by', target: entity }],
  })
}

function phasePoint(phase: string | undefined, entity: EntityReference): Metric | undefined {
  return signals.namespacePhase.point(phase === undefined ? undefined : Number(phase === 'Active'), entity)
}

/** Every ResourceQuota: what may be used, and what is. */
export const resourceQuotas = kindCollector('resourceQuotas', {
  entities: (quota, isWantedLabel) => [
    signals.resourceQuota.entity({
      id: namedId(quota),
      name: quota.name,
      attributes: commonAttributes('resourcequota', quota, isWantedLabel),
      relations: [namespaceRelation(quota.namespace)],
    }),
  ],
  metrics: ({ hard, used }, entity) => [
    ...Object.entries(hard).map(([name, most]) => signals.quotaHard.point(most, entity, { 'k8s.resource.name': name })),
    ...Object.entries(used).map(([name, most]) => signals.quotaUsed.point(most, entity, { 'k8s.resource.name': name })),
  ],
})

/** Every LimitRange. */
export const limitRanges = kindCollector('limitRanges', {
  every: '60s',
  entities: (range, isWantedLabel) => [
    signals.limitRange.entity({
      id: namedId(range),
      name: range.name,
      attributes: {
        ...commonAttributes('limitrange', range, isWantedLabel),
        'k8s.limitrange.limits': range.limits.flatMap(describeLimit),
      },
      relations: [namespaceRelation(range.namespace)],
    }),
  ],
})

/** `Container cpu min=0.1 max=2 default=0.5`, one for each resource. */
function describeLimit({ type, min, max, defaults, defaultRequests }: Limit): string[] {
  const bounds: readonly (readonly [string, Quantities])[] = [
    ['min', min],
    ['max', max],
    ['default', defaults],
    ['default_request', defaultRequests],
  ]
  const resources = new Set(bounds.flatMap(([, amounts]) => Object.keys(amounts)))
  return [...resources].map((resource) => {
    const known = bounds.flatMap(([name, amounts]) =>
      amounts[resource] === undefined ? [] : [`${name}=${amounts[resource]}`],
    )
    return `${type} ${resource} ${known.join(' ')}`
  })
}
