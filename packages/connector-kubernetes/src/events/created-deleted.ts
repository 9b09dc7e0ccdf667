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

/**
 * Emits creations and deletions. A burst, such as the installation of a chart with hundreds of objects, ends in a
 * summary.
 */
export function createLifecycle({ cluster }: KubernetesClient, { emit, after, now }: ClusterWatchContext) {
  const bursts = new Map<string, Burst>()
  const removeEnded = (time: number): void => {
    for (const [key, { last, collected }] of bursts)
      if (time - last > BURST_QUIET_MS && collected.length === 0) bursts.delete(key)
  }
  const created = (kind: string, { namespace, name, uid }: Metadata, event: Event): void => {
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
    created,
    /** Emits a deletion after a delay, unless the namespace is deleted too. */
    deleted: (kind: string, object: Metadata, event: Event): void =>
      after(NAMESPACE_DELAY_MS, () => {
        if (!isEnding(cluster, object.namespace)) created(kind, object, event)
      }),
  }
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
