import type { Metadata } from '../kinds/metadata.ts'
import { type NamedKind, namedId, namedReference } from '../kinds/references.ts'

/**
 * Returns the parts of an event about an object that is identified by name: `Node worker-1 was cordoned`.
 *
 * @param id equal for every agent, and for no other event about the object
 */
export function occurrence(
  kind: NamedKind,
  object: Pick<Metadata, 'uid' | 'namespace' | 'name'>,
  { id, at, what }: { readonly id: string; readonly at: Date; readonly what: string },
) {
  return {
    id: `k8s/${object.uid}/${id}`,
    at,
    entity: namedReference(kind, object),
    body: `${kind} ${namedId(object)} ${what}`,
  }
}

/** How far back an agent that starts reports events, in milliseconds. */
const MAX_AGE_MS = 900_000

/** Returns whether an agent that starts reports something of this time. Something without a time is not reported. */
export function isRecent(at: string | undefined, now: Date): boolean {
  return at !== undefined && now.getTime() - Date.parse(at) <= MAX_AGE_MS
}

/** Parses a time of the API server; `now` where there is none. */
export function timeOrNow(at: string | undefined, now: Date): Date {
  const time = new Date(at ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? now : time
}
