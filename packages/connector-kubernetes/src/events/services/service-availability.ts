import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import { countEndpoints, type EndpointSlice, type Endpoints } from '../../kinds/endpoint-slice/endpoint-slice.ts'
import type { ClusterChange } from '../../kinds/index.ts'
import { namedId } from '../../kinds/references.ts'
import type { Service } from '../../kinds/service/service-projection.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { isEnding } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'

/** Endpoints move from one slice to another, and are deleted before their Service: shorter outages are ignored. */
const MIN_OUTAGE_MS = 500

/** The slice whose change is reported. Its uid and version make the id of the event. */
interface SliceVersion extends EndpointSlice {
  readonly version: string
}

/** Emits Services that lose their last ready endpoint, and those that regain one. */
export const serviceAvailability = watchCluster(({ cluster }, { emit, now, after }) => {
  /** `namespace/service` → slices by uid. */
  const known = new Map<string, Map<string, EndpointSlice>>()
  const unavailable = new Set<string>()
  const sampler = createEventSampler()

  const check = (key: string, slice: SliceVersion): void => {
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const service = [...cluster.objects('services').values()].find(
      ({ namespace, name }) => namespace === slice.namespace && name === slice.service,
    )
    if (endpoints.ready > 0 || unavailable.has(key) || service === undefined) return
    if (!hasSelector(service) || isEnding(cluster, service.namespace)) return
    const sample = sampler.sample(service.uid, { at: now() })
    if (sample === undefined) return
    unavailable.add(key)
    emit(availabilityEvent(slice, endpoints, now(), sample))
  }

  return (change) => {
    if (change.kind === 'services' && change.type === 'deleted') unavailable.delete(namedId(change.old))
    if (change.kind !== 'endpointSlices') return
    const isDeleted = change.type === 'deleted'
    const slice = isDeleted ? change.old : change.object
    if (slice.service === undefined) return
    const key = namedId({ namespace: slice.namespace, name: slice.service })
    const before = countEndpoints(known.get(key)?.values() ?? [])
    updateSlices(known, key, change)
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const changed = { ...slice, version: isDeleted ? 'deleted' : slice.resourceVersion }
    if (before.ready > 0 && endpoints.ready === 0) after(MIN_OUTAGE_MS, () => check(key, changed))
    else if (endpoints.ready > 0 && unavailable.delete(key)) emit(availabilityEvent(changed, endpoints, now()))
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

/** @param sample of the times at which the Service became unavailable; without it, the Service is available again */
function availabilityEvent(
  { uid, version, namespace, service = '' }: SliceVersion,
  { ready, notReady }: Endpoints,
  now: Date,
  sample?: EventSample,
): Event {
  const named = { uid, namespace, name: service }
  const attributes = {
    'k8s.namespace.name': namespace,
    'k8s.service.name': service,
    'k8s.service.endpoints.ready': ready,
    'k8s.service.endpoints.not_ready': notReady,
  }
  if (sample === undefined)
    return signals.serviceAvailable.event({
      ...occurrence('Service', named, { id: `${version}/available`, at: now, what: 'has ready endpoints again' }),
      attributes,
    })
  const what = `has no ready endpoints any more${countSuffix(sample)}`
  return signals.serviceUnavailable.event({
    ...occurrence('Service', named, { id: `${version}/unavailable`, at: now, what }),
    attributes: { ...attributes, ...countAttribute(sample) },
  })
}
