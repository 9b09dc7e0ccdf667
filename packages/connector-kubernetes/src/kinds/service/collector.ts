import type { Collector, Entity, Metric, NameFilter } from '@rca/core/connector'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { rememberedNews } from '../delta-filter.ts'
import { commonAttributes, labelFilter, namespaceRelation } from '../describe-object.ts'
import { kindCollector, seen } from '../kind-collector.ts'
import { namedId, namedReference, podReference } from '../references.ts'
import type { EndpointSlice, Service } from './service.ts'
import { countEndpoints } from './service-endpoints.ts'

/** Most pods behind a Service that are named. */
const MOST_PODS = 1000

/** Every Service, with the pods behind it as its EndpointSlices tell. */
export const services: Collector<KubernetesClient> = {
  interval: '30s',
  timeout: '60s',
  async collect(client, context) {
    const found = await seen(client, 'services', context.signal)
    const slices = await seenSlices(client, context.signal)
    const isWantedLabel = labelFilter(client.config.object_labels)
    const entities: Entity[] = []
    const metrics: (Metric | undefined)[] = []
    const news = rememberedNews(context, found.isCurrent && slices.isCurrent)
    for (const service of found.objects.values()) {
      const behind = slices.byService.get(namedId(service)) ?? []
      const entity = describe(service, behind, isWantedLabel)
      entities.push(entity)
      if (found.isCurrent && slices.isCurrent && service.externalName === undefined)
        metrics.push(...news.points(service, measure(behind, entity)))
    }
    news.keepOnly(found.objects)
    return { entities, metrics, gaps: [...found.gaps, ...slices.gaps] }
  },
}

/** Every Ingress, with the Services that it leads to. */
export const ingresses = kindCollector('ingresses', {
  every: '60s',
  entities: (ingress, isWantedLabel) => [
    signals.ingress.entity({
      id: namedId(ingress),
      name: ingress.name,
      attributes: {
        ...commonAttributes('ingress', ingress, isWantedLabel),
        'k8s.ingress.class': ingress.className,
        'k8s.ingress.hosts': ingress.hosts,
        'k8s.ingress.addresses': ingress.addresses,
      },
      relations: [
        namespaceRelation(ingress.namespace),
        ...ingress.services.map((name) => ({
          type: 'routes_to' as const,
          target: namedReference('Service', { namespace: ingress.namespace, name }),
        })),
      ],
    }),
  ],
})

/** Slices by the Service that they are of. A cluster whose slices nobody may read has Services all the same. */
async function seenSlices(client: KubernetesClient, signal: AbortSignal) {
  const byService = new Map<string, EndpointSlice[]>()
  try {
    const { objects, isCurrent, gaps } = await seen(client, 'endpointSlices', signal)
    for (const slice of objects.values()) {
      if (slice.service === undefined) continue
      const id = namedId({ namespace: slice.namespace, name: slice.service })
      const others = byService.get(id)
      if (others === undefined) byService.set(id, [slice])
      else others.push(slice)
    }
    return { byService, isCurrent, gaps }
  } catch (error) {
    if (signal.aborted) throw error
    const reason = error instanceof Error ? error.message : String(error)
    return { byService, isCurrent: false, gaps: [{ scope: 'kubernetes:endpointslices', reason }] }
  }
}

/** What was said of a Service, and of what. */
interface Described {
  readonly slices: readonly EndpointSlice[]
  readonly entity: Entity
}

const described = new WeakMap<Service, Described>()

function describe(service: Service, slices: readonly EndpointSlice[], isWantedLabel: NameFilter): Entity {
  const before = described.get(service)
  if (before !== undefined && isSame(before.slices, slices)) return before.entity
  const entity = signals.service.entity({
    id: namedId(service),
    name: service.name,
    attributes: {
      ...commonAttributes('service', service, isWantedLabel),
      'k8s.service.type': service.type,
      'k8s.service.cluster_ip': service.clusterIp,
      'k8s.service.external_name': service.externalName,
      'k8s.service.selector': Object.entries(service.selector).map(([name, value]) => `${name}=${value}`),
      'k8s.service.ports': service.ports.map(({ port, protocol }) => `${port}/${protocol}`),
      'k8s.service.addresses': service.addresses,
    },
    relations: [
      namespaceRelation(service.namespace),
      ...podUids(slices).map((uid) => ({ type: 'selects' as const, target: podReference(uid) })),
    ],
  })
  described.set(service, { slices, entity })
  return entity
}

function isSame(one: readonly EndpointSlice[], other: readonly EndpointSlice[]): boolean {
  return one.length === other.length && one.every((slice, index) => slice === other[index])
}

function podUids(slices: readonly EndpointSlice[]): string[] {
  const uids = slices.flatMap(({ endpoints }) =>
    endpoints.flatMap(({ pod }) => (pod?.uid === undefined ? [] : [pod.uid])),
  )
  return [...new Set(uids)].slice(0, MOST_PODS)
}

function measure(slices: readonly EndpointSlice[], entity: Entity): (Metric | undefined)[] {
  const { ready, notReady } = countEndpoints(slices)
  return [signals.serviceEndpoints.point(ready + notReady, entity), signals.serviceReadyEndpoints.point(ready, entity)]
}
