import type { Event } from '@rca/core/connector'
import type { EndpointSlice } from '../../kinds/endpoint-slice/endpoint-slice.ts'
import { countEndpoints, type Endpoints } from '../../kinds/endpoint-slice/endpoint-slice.ts'
import type { ClusterChange } from '../../kinds/index.ts'
import { namedId, namedReference } from '../../kinds/references.ts'
import type { Service } from '../../kinds/service/service.ts'
import { signals } from '../../signals.ts'
import { following } from '../follower.ts'
import { isEnding } from '../lifecycle.ts'
import { countAttribute, createRepetitions, timesOver } from '../repetitions.ts'

/** How long nothing has to be ready, in milliseconds: endpoints move from one slice to another, and go before their Service. */
const PATIENCE = 500

/** Services behind which nothing is ready any more, and when something is again. */
export const serviceAvailability = following(({ cluster }, { tell, now, after }) => {
  /** `namespace/service` → its slices by uid. */
  const known = new Map<string, Map<string, EndpointSlice>>()
  const unavailable = new Set<string>()
  const repetitions = createRepetitions()

  const check = (key: string, slice: EndpointSlice, version: string): void => {
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const service = [...cluster.objects('services').values()].find(
      ({ namespace, name }) => namespace === slice.namespace && name === slice.service,
    )
    if (endpoints.ready > 0 || unavailable.has(key) || service === undefined) return
    if (!isMeantToServe(service) || isEnding(cluster, service.namespace)) return
    const count = repetitions.count(service.uid, now())
    if (count === undefined) return
    unavailable.add(key)
    tell(unavailableEvent(service, endpoints, version, count, now()))
  }

  return (change) => {
    if (change.kind === 'services' && change.type === 'deleted') unavailable.delete(namedId(change.old))
    if (change.kind !== 'endpointSlices') return
    const slice = change.type === 'deleted' ? change.old : change.object
    if (slice.service === undefined) return
    const key = namedId({ namespace: slice.namespace, name: slice.service })
    const before = countEndpoints(known.get(key)?.values() ?? [])
    take(known, key, change)
    const endpoints = countEndpoints(known.get(key)?.values() ?? [])
    const version = `${slice.uid}/${change.type === 'deleted' ? 'deleted' : slice.resourceVersion}`
    if (before.ready > 0 && endpoints.ready === 0) after(PATIENCE, () => check(key, slice, version))
    else if (endpoints.ready > 0 && unavailable.delete(key)) tell(availableEvent(slice, endpoints, version, now()))
  }
})

function take(
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

/** Where there is no selector somebody else says what is behind it. */
function isMeantToServe({ selector, deleted }: Service): boolean {
  return deleted === undefined && Object.keys(selector).length > 0
}

function unavailableEvent(service: Service, endpoints: Endpoints, version: string, count: number, now: Date): Event {
  return signals.serviceUnavailable.event({
    id: `k8s/${version}/unavailable`,
    at: now,
    entity: namedReference('Service', service),
    body: `Nothing behind Service ${namedId(service)} is ready any more${timesOver(count)}`,
    attributes: { ...attributesOf(service, endpoints), ...countAttribute(count) },
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
    body: `Something behind Service ${namedId(named)} is ready again`,
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
