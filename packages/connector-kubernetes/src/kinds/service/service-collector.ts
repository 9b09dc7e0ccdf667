import { type Collector, type Entity, entity, type Metric, type NameFilter } from '@rca/core/connector'
import {
  commonAttributes,
  labelFilter,
  namespaced,
  namespaceRelation,
  ownedByNamespace,
  upDownCounter,
} from '../common-signals.ts'
import { storedDeltaFilter } from '../delta-filter.ts'
import { countEndpoints, type EndpointSlice } from '../endpoint-slice/endpoint-slice.ts'
import { cachedObjects, KIND_TIMEOUT, type KindClient, type KindSource } from '../kind-collector.ts'
import { namedId, podReference } from '../references.ts'
import type { Service } from './service-projection.ts'

/** Maximum number of `selects` relations of a Service. */
const MAX_PODS = 1000

export const serviceSignals = {
  service: entity({
    type: 'k8s.service',
    description: 'A Service.',
    attributes: {
      ...namespaced('service'),
      'k8s.service.type': '`ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.',
      'k8s.service.cluster_ip': 'IP address in the cluster.',
      'k8s.service.external_name': 'DNS name of an `ExternalName` Service.',
      'k8s.service.selector': 'Labels of the selected pods, as `name=value`.',
      'k8s.service.ports': 'Ports, as `80/TCP`.',
      'k8s.service.addresses': 'Load balancer addresses.',
    },
    relations: { ...ownedByNamespace, selects: 'Pods of its endpoints.' },
  }),
  serviceReadyEndpoints: upDownCounter('k8s.service.endpoint.ready', '{endpoint}', 'Ready endpoints of a Service.'),
  serviceEndpoints: upDownCounter('k8s.service.endpoint.count', '{endpoint}', 'Endpoints of a Service.'),
}

type ServiceSource = KindSource<'services', Service> & KindSource<'endpointSlices', EndpointSlice>

/** Reports every Service with the pods of its EndpointSlices. */
export const services: Collector<KindClient<ServiceSource>> = {
  interval: '30s',
  timeout: KIND_TIMEOUT,
  async collect(client, context) {
    const found = await cachedObjects<'services', Service>(
      client.cluster,
      'services',
      context.signal,
      serviceSignals.service.type,
    )
    const slices = await slicesByService(client.cluster, context.signal)
    const allowsLabel = labelFilter(client.config.object_labels)
    const entities: Entity[] = []
    const metrics: (Metric | undefined)[] = []
    const filter = storedDeltaFilter(context, found.isCurrent && slices.isCurrent)
    for (const service of found.objects.values()) {
      const ownSlices = slices.byService.get(namedId(service)) ?? []
      const entity = describe(service, ownSlices, allowsLabel)
      entities.push(entity)
      if (found.isCurrent && slices.isCurrent && service.externalName === undefined)
        metrics.push(...filter.changedPoints(service, measure(ownSlices, entity)))
    }
    filter.retain(found.objects)
    return { entities, metrics, gaps: [...found.gaps, ...slices.gaps], unread: found.unread }
  },
}

/** Groups slices by their Service. An agent without permission for slices still reports Services, with a gap. */
async function slicesByService(cluster: KindSource<'endpointSlices', EndpointSlice>, signal: AbortSignal) {
  const byService = new Map<string, EndpointSlice[]>()
  try {
    const { objects, isCurrent, gaps } = await cachedObjects(cluster, 'endpointSlices', signal)
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

/** The entity of each Service, and the slices from which it was made. */
const described = new WeakMap<Service, { readonly slices: readonly EndpointSlice[]; readonly entity: Entity }>()

function describe(service: Service, slices: readonly EndpointSlice[], allowsLabel: NameFilter): Entity {
  const before = described.get(service)
  if (before !== undefined && isSame(before.slices, slices)) return before.entity
  const entity = serviceSignals.service.entity({
    id: namedId(service),
    name: service.name,
    attributes: {
      ...commonAttributes('service', service, allowsLabel),
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
  return [...new Set(uids)].slice(0, MAX_PODS)
}

function measure(slices: readonly EndpointSlice[], entity: Entity): (Metric | undefined)[] {
  const { ready, notReady } = countEndpoints(slices)
  return [
    serviceSignals.serviceEndpoints.point(ready + notReady, entity),
    serviceSignals.serviceReadyEndpoints.point(ready, entity),
  ]
}
