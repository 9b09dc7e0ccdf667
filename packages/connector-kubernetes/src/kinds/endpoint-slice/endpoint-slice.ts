import { type Fields, fields, flag, list, text, texts } from '../fields.ts'
import { type Metadata, metadataOf } from '../metadata.ts'

/** Some of the endpoints of a Service. */
export interface EndpointSlice extends Metadata {
  readonly service: string | undefined
  readonly endpoints: readonly Endpoint[]
}

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly isReady: boolean
  readonly node: string | undefined
  /** `undefined` for an address that belongs to no pod. */
  readonly pod: { readonly name: string; readonly uid: string | undefined } | undefined
}

export function projectEndpointSlice(raw: unknown): EndpointSlice {
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    service: metadata.labels['kubernetes.io/service-name'],
    endpoints: list(fields(raw).endpoints).map(({ addresses, conditions, nodeName, topology, targetRef }) => ({
      addresses: texts(addresses),
      // The API defines an unknown condition as ready.
      isReady: flag(fields(conditions).ready) ?? true,
      // v1beta1 has the node name in `topology`.
      node: text(nodeName) ?? text(fields(topology)['kubernetes.io/hostname']),
      pod: podOf(fields(targetRef)),
    })),
  }
}

function podOf({ kind, name, uid }: Fields): Endpoint['pod'] {
  const known = text(name)
  return kind === 'Pod' && known !== undefined ? { name: known, uid: text(uid) } : undefined
}

/** The number of endpoints of a Service. */
export interface Endpoints {
  readonly ready: number
  readonly notReady: number
}

/** Counts each pod once: a pod is listed in one slice per address family and set of ports. */
export function countEndpoints(slices: Iterable<EndpointSlice>): Endpoints {
  const ready = new Map<string, boolean>()
  for (const { uid, endpoints } of slices)
    for (const [index, { pod, addresses, isReady }] of endpoints.entries()) {
      const key = pod?.uid ?? pod?.name ?? addresses[0] ?? `${uid} ${index}`
      ready.set(key, isReady || ready.get(key) === true)
    }
  const count = [...ready.values()].filter(Boolean).length
  return { ready: count, notReady: ready.size - count }
}
