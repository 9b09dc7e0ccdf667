import type { Event } from '@rca/core/connector'
import type { Change } from '../informer/object-store.ts'
import type { Cluster } from '../kinds/index.ts'
import type { Metadata } from '../kinds/metadata.ts'
import { namedReference } from '../kinds/references.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { ClusterWatchContext } from './cluster-watcher.ts'
import { signals } from './namespaces/signals.ts'
import { isRecent, timeOrNow } from './occurrence.ts'

/** Delay of a deletion, in which the deletion of its namespace may be seen. */
const NAMESPACE_DELAY_MS = 500

/** Events of one name and namespace that are emitted one by one in a burst. */
const MAX_SINGLE_EVENTS = 10

/** A burst ends after this long without an event. */
const BURST_QUIET_MS = 10_000

/** How long further events of a burst are collected for one summary. */
const SUMMARY_DELAY_MS = 5_000

/** How long a deletion and a creation of the same name are remembered. */
const PLACE_MEMORY_MS = 10_000

/** Bursts in memory above which ended ones are removed. */
const MAX_BURSTS = 1_000

const MAX_SUMMARIZED_NAMES = 50

/** The creation or deletion of an object. */
export interface ObjectMoment<Slim> {
  readonly object: Slim
  readonly at: Date
}

/** Returns the creation that a change shows. For existing objects, only a recent one. */
export function creationOf<Slim extends Metadata>(change: Change<Slim>, now: Date): ObjectMoment<Slim> | undefined {
  if (change.type !== 'added' || change.object.deleted !== undefined) return undefined
  if (change.isInitial && !isRecent(change.object.created, now)) return undefined
  return { object: change.object, at: timeOrNow(change.object.created, now) }
}

/** Returns the deletion that a change shows. That of an object with finalizers counts when it begins, and only then. */
export function deletionOf<Slim extends Metadata>(change: Change<Slim>, now: Date): ObjectMoment<Slim> | undefined {
  if (change.type === 'added' || change.old.deleted !== undefined) return undefined
  const object = change.object ?? change.old
  if (change.type === 'changed' && object.deleted === undefined) return undefined
  return { object, at: timeOrNow(object.deleted, now) }
}

interface Burst {
  count: number
  last: number
  readonly collected: { readonly name: string; readonly uid: string; readonly event: Event }[]
}

interface RecentDeletion<Slim> {
  readonly object: Slim
  readonly event: Event
  /** In milliseconds since 1970. */
  readonly seenAt: number
  isEmitted: boolean
  isReplaced: boolean
}

/**
 * Emits creations and deletions. An object that takes the place of one that was just deleted, as after
 * `kubectl replace --force`, is emitted as replaced. A burst, such as the installation of a chart with hundreds of
 * objects, ends in a summary.
 */
export function createLifecycle<Slim extends Metadata>(
  { cluster }: KubernetesClient,
  { emit, after, now }: ClusterWatchContext,
) {
  /** Latest deletions and creations, by kind and name. */
  const deletions = new Map<string, RecentDeletion<Slim>>()
  const creations = new Map<string, { readonly uid: string; readonly seenAt: number }>()
  const remember = <Value extends { readonly seenAt: number }>(
    all: Map<string, Value>,
    key: string,
    one: Value,
  ): void => {
    all.delete(key)
    all.set(key, one)
    for (const [oldest, { seenAt }] of all) {
      if (one.seenAt - seenAt <= PLACE_MEMORY_MS) break
      all.delete(oldest)
    }
  }
  const bursts = new Map<string, Burst>()
  const removeEnded = (time: number): void => {
    for (const [key, { last, collected }] of bursts)
      if (time - last > BURST_QUIET_MS && collected.length === 0) bursts.delete(key)
  }
  const emitOne = (kind: string, { namespace, name, uid }: Metadata, event: Event | undefined): void => {
    if (event === undefined) return
    const key = `${event.name} ${namespace}`
    const time = now().getTime()
    const known = bursts.get(key)
    const isQuiet = known === undefined || time - known.last > BURST_QUIET_MS
    const burst: Burst = isQuiet ? { count: 0, last: 0, collected: [] } : known
    bursts.set(key, burst)
    if (bursts.size > MAX_BURSTS) removeEnded(time)
    burst.count += 1
    burst.last = time
    if (burst.count <= MAX_SINGLE_EVENTS) {
      emit(event)
      return
    }
    burst.collected.push({ name: `${kind}/${name}`, uid, event })
    if (burst.collected.length === 1)
      after(SUMMARY_DELAY_MS, () => emit(summarize(burst.collected.splice(0), namespace, now())))
  }
  return {
    /** @param replaced describes the object as the replacement of an object of the same name */
    created: (kind: string, object: Slim, event: Event, replaced: (old: Slim) => Event | undefined): void => {
      const key = placeOf(kind, object)
      const before = deletions.get(key)
      deletions.delete(key)
      remember(creations, key, { uid: object.uid, seenAt: now().getTime() })
      const isReplaced = before !== undefined && !before.isEmitted
      if (isReplaced) before.isReplaced = true
      emitOne(kind, object, notBefore(before?.event, isReplaced ? replaced(before.object) : event))
    },
    /** Emits a deletion after a delay, unless the namespace is deleted too, or another object takes the place. */
    deleted: (kind: string, object: Slim, event: Event): void => {
      const key = placeOf(kind, object)
      const seenAt = now().getTime()
      // After a gap in the watch, the replacement is listed before the old object is missed.
      const other = creations.get(key)
      if (other !== undefined && other.uid !== object.uid && seenAt - other.seenAt <= PLACE_MEMORY_MS) return
      const deletion: RecentDeletion<Slim> = { object, event, seenAt, isEmitted: false, isReplaced: false }
      remember(deletions, key, deletion)
      after(NAMESPACE_DELAY_MS, () => {
        deletion.isEmitted = true
        if (!deletion.isReplaced && !isEnding(cluster, object.namespace)) emitOne(kind, object, event)
      })
    },
  }
}

function placeOf(kind: string, { namespace, name }: Metadata): string {
  return `${kind} ${namespace}/${name}`
}

/** Moves an event to the time of an earlier one: servers round the times of creations down to seconds. */
function notBefore(earlier: Event | undefined, event: Event | undefined): Event | undefined {
  if (earlier === undefined || event === undefined || event.at >= earlier.at) return event
  return { ...event, at: earlier.at }
}

/** Returns whether a namespace is being deleted or does not exist; false if namespaces cannot be watched. */
export function isEnding(cluster: Cluster, name: string): boolean {
  const namespaces = cluster.objects('namespaces')
  if (name === '' || namespaces.size === 0) return false
  for (const namespace of namespaces.values())
    if (namespace.name === name) return namespace.deleted !== undefined || namespace.phase === 'Terminating'
  return true
}

function summarize(collected: Burst['collected'], namespace: string, now: Date): Event | undefined {
  const [first] = collected
  if (first === undefined) return undefined
  // A single event needs no summary.
  if (collected.length === 1) return first.event
  const names = collected.map(({ name }) => name)
  const verb = first.event.name.slice(first.event.name.lastIndexOf('.') + 1)
  return signals.manyChanges.event({
    id: `k8s/${first.uid}/${verb}/others`,
    at: now,
    severity: first.event.severity,
    entity: namedReference('Namespace', { namespace: '', name: namespace }),
    body: `${names.length} more objects of namespace ${namespace} were ${verb}: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
    attributes: {
      'k8s.namespace.name': namespace,
      'change.event': first.event.name,
      'change.count': names.length,
      'change.objects': names.slice(0, MAX_SUMMARIZED_NAMES),
    },
  })
}
