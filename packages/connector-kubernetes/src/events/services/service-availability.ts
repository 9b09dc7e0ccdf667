import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import { countEndpoints, type EndpointSlice, type Endpoints } from '../../kinds/endpoint-slice/endpoint-slice.ts'
import type { ClusterChange } from '../../kinds/index.ts'
import { namedId, namedReference } from '../../kinds/references.ts'
import type { Service } from '../../kinds/service/service-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isEnding } from '../created-deleted.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'

/** Endpoints move from one slice to another, and are deleted before their Service: shorter outages are ignored. */
const MIN_OUTAGE_MS = 500

/** Emits Services that lose their last ready endpoint, and those that regain one. */
export const serviceAvailability = watchCluster(({ cluster }, { emit, now, after }) => {
  /** `namespace/service` → slices by uid. */
  const known = new Map<string, Map<string, EndpointSlice>>()
  const unavailable = new Set<string>()
  const sampler = createEventSampler()

  const check = (key: string, slice: EndpointSlice, version: string): void => {
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const service = [...cluster.objects('services').values()].find(
      ({ namespace, name }) => namespace === slice.namespace && name === slice.service,
    )
    if (endpoints.ready > 0 || unavailable.has(key) || service === undefined) return
    if (!hasSelector(service) || isEnding(cluster, service.namespace)) return
    const sample = sampler.sample(service.uid, { at: now() })
    if (sample === undefined) return
    unavailable.add(key)
    emit(unavailableEvent(service, endpoints, version, sample, now()))
  }

  return (change) => {
    if (change.kind === 'services' && change.type === 'deleted') unavailable.delete(namedId(change.old))
    if (change.kind !== 'endpointSlices') return
    const slice = change.type === 'deleted' ? change.old : change.object
    if (slice.service === undefined) return
    const key = namedId({ namespace: slice.namespace, name: slice.service })
    const before = countEndpoints(known.get(key)?.values() ?? [])
    updateSlices(known, key, change)
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const version = `${slice.uid}/${change.type === 'deleted' ? 'deleted' : slice.resourceVersion}`
    if (before.ready > 0 && endpoints.ready === 0) after(MIN_OUTAGE_MS, () => check(key, slice, version))
    else if (endpoints.ready > 0 && unavailable.delete(key)) emit(availableEvent(slice, endpoints, version, now()))
  }
})

function updateSlices(
  known: Map<string, Map<string, EndpointSlice>>,
  key: string,
  change: Extract<ClusterChange, { readonly kind: 'endpointSlices' }>,
): void {
  const slices = known.get(key) ?? new Map<string, EndpointSlice>()
  if (change.type === 'deleted') slices.delete(change.old.uid)
  else slices.set(change.object.uid, change.object)
  if (slices.size === 0) known.delete(key)
  else known.set(key, slices)
}

/** The endpoints of a Service without a selector are not the cluster's to provide. */
function hasSelector({ selector, deleted }: Service): boolean {
  return deleted === undefined && Object.keys(selector).length > 0
}

function unavailableEvent(
  service: Service,
  endpoints: Endpoints,
  version: string,
  sample: EventSample,
  now: Date,
): Event {
  return signals.serviceUnavailable.event({
    id: `k8s/${version}/unavailable`,
    at: now,
    entity: namedReference('Service', service),
    body: `Service ${namedId(service)} has no ready endpoints any more${countSuffix(sample)}`,
    attributes: { ...attributesOf(service, endpoints), ...countAttribute(sample) },
  })
}

function availableEvent(
  { namespace, service = '' }: EndpointSlice,
  endpoints: Endpoints,
  version: string,
  now: Date,
): Event {
  const named = { namespace, name: service }
  return signals.serviceAvailable.event({
    id: `k8s/${version}/available`,
    at: now,
    entity: namedReference('Service', named),
    body: `Service ${namedId(named)} has ready endpoints again`,
    attributes: attributesOf(named, endpoints),
  })
}

function attributesOf({ namespace, name }: Pick<Service, 'namespace' | 'name'>, { ready, notReady }: Endpoints) {
  return {
    'k8s.namespace.name': namespace,
    'k8s.service.name': name,
    'k8s.service.endpoints.ready': ready,
    'k8s.service.endpoints.not_ready': notReady,
  }
}
