import type { Event } from '@rca/core/connector'
import type { Change } from '../informer/object-store.ts'
import type { Cluster } from '../kinds/index.ts'
import type { Metadata } from '../kinds/metadata.ts'
import { namedReference } from '../kinds/references.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { signals } from '../signals.ts'
import { isRecent, timeOrNow } from './event-time.ts'
import type { FollowerContext } from './follower.ts'

/** How long a deletion waits for its namespace to be seen to go, in milliseconds. */
const PATIENCE = 500

/** Events of one name about one namespace that are told one by one. */
const MOST = 10

/** After so long without another one counting begins anew, in milliseconds. */
const QUIET = 10_000

/** How long the others are gathered, in milliseconds. */
const GATHERING = 5_000

/** Bursts that are remembered before those that have ended are forgotten. */
const MANY = 1_000

/** Objects that are named. */
const NAMED = 50

/** That an object began or ended, and when. */
export interface Moment<Slim> {
  readonly object: Slim
  readonly at: Date
}

/** The creation that a change stands for: of what was there already only a recent one. */
export function creationOf<Slim extends Metadata>(change: Change<Slim>, now: Date): Moment<Slim> | undefined {
  if (change.type !== 'added' || change.object.deleted !== undefined) return undefined
  if (change.isInitial && !isRecent(change.object.created, now)) return undefined
  return { object: change.object, at: timeOrNow(change.object.created, now) }
}

/** The deletion that a change stands for: what waits for others before it goes is told when that begins, and not again. */
export function deletionOf<Slim extends Metadata>(change: Change<Slim>, now: Date): Moment<Slim> | undefined {
  if (change.type === 'added' || change.old.deleted !== undefined) return undefined
  const object = change.object ?? change.old
  if (change.type === 'changed' && object.deleted === undefined) return undefined
  return { object, at: timeOrNow(object.deleted, now) }
}

/** Tells what comes and goes, without flooding anybody: a chart has hundreds of objects, and so has a namespace. */
export interface Lifecycle {
  created(kind: string, object: Metadata, event: Event): void
  /** After a moment, unless the namespace goes with it. */
  deleted(kind: string, object: Metadata, event: Event): void
}

interface Burst {
  count: number
  last: number
  gathered: { readonly name: string; readonly uid: string; readonly event: Event }[]
}

/** Has told nothing yet. */
export function createLifecycle({ cluster }: KubernetesClient, { emit, after, now }: FollowerContext): Lifecycle {
  const bursts = new Map<string, Burst>()
  const flush = (burst: Burst, namespace: string): void => {
    const { gathered } = burst
    burst.gathered = []
    emit(summarize(gathered, namespace, now()))
  }
  const forgetEnded = (time: number): void => {
    for (const [key, { last, gathered }] of bursts) if (time - last > QUIET && gathered.length === 0) bursts.delete(key)
  }
  const created = (kind: string, { namespace, name, uid }: Metadata, event: Event): void => {
    const key = `${event.name} ${namespace}`
    const time = now().getTime()
    const known = bursts.get(key)
    const burst = known === undefined || time - known.last > QUIET ? { count: 0, last: 0, gathered: [] } : known
    bursts.set(key, burst)
    if (bursts.size > MANY) forgetEnded(time)
    burst.count += 1
    burst.last = time
    if (burst.count <= MOST) emit(event)
    else burst.gathered.push({ name: `${kind}/${name}`, uid, event })
    if (burst.count > MOST && burst.gathered.length === 1) after(GATHERING, () => flush(burst, namespace))
  }
  return {
    created,
    deleted: (kind, object, event) =>
      after(PATIENCE, () => {
        if (!isEnding(cluster, object.namespace)) created(kind, object, event)
      }),
  }
}

/** Whether a namespace is being deleted, or gone. Unknown, and so not, where namespaces cannot be seen. */
export function isEnding(cluster: Pick<Cluster, 'objects'>, name: string): boolean {
  const namespaces = cluster.objects('namespaces')
  if (name === '' || namespaces.size === 0) return false
  for (const namespace of namespaces.values())
    if (namespace.name === name) return namespace.deleted !== undefined || namespace.phase === 'Terminating'
  return true
}

function summarize(gathered: Burst['gathered'], namespace: string, now: Date): Event | undefined {
  const [first] = gathered
  if (first === undefined) return undefined
  // One alone is told as it is.
  if (gathered.length === 1) return first.event
  const names = gathered.map(({ name }) => name)
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
      'change.objects': names.slice(0, NAMED),
    },
  })
}
