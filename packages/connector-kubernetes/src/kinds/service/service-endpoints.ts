import type { EndpointSlice } from './service.ts'

/** What is behind a Service. */
export interface Endpoints {
  readonly ready: number
  readonly notReady: number
}

/** Counts each pod once: it stands in a slice for each family of addresses, and for each set of ports. */
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
