import { isDeepStrictEqual } from 'node:util'
import {
  type CollectContext,
  type Collector,
  type Entity,
  type EntityReference,
  inTimeSlices,
  type Metric,
  type NameFilter,
  type Signals,
} from '@rca/core/connector'
import type { SyncStatus } from '../informer/kind-informer.ts'
import { labelFilter } from './common-signals.ts'
import { storedDeltaFilter } from './delta-filter.ts'
import { entityTypes } from './references.ts'

type Interval = NonNullable<Collector<never>['interval']>

/** How long a collector waits for the first list of a large cluster. */
export const KIND_TIMEOUT: Interval = '60s'

const DEFAULT_INTERVAL: Interval = '30s'

/** The part of the cluster's cache with one kind. */
export interface KindSource<Kind extends string, Slim> {
  listed(signal: AbortSignal): Promise<void>
  objects(kind: Kind): ReadonlyMap<string, Slim>
  syncStatus(kind: Kind): SyncStatus | undefined
  missing(kind: Kind): string | undefined
}

/** The part of the client that a kind's collector uses. */
export interface KindClient<Source> {
  readonly cluster: Source
  readonly config: { readonly object_labels: readonly string[] }
  /** The cluster itself. */
  readonly entity: EntityReference
}

/** The entity of an object, followed by those of its parts. */
export type Entities = readonly [Entity, ...Entity[]]

/** The signals of one kind's objects. */
export interface KindSignals<Slim> {
  /** Type of the objects' entities. Those of their parts have a relation to them. */
  readonly type: string
  /** Important changes are events, which do not wait for the interval. @default 30s */
  readonly interval?: Interval
  /** Selects the objects that are reported. @default all of them */
  readonly isReported?: (object: Slim) => boolean
  /** Called once per version of an object. @param cluster the cluster itself */
  readonly entity: (object: Slim, allowsLabel: NameFilter, cluster: EntityReference) => Entity
  /** Describes the parts of an object, such as containers. @default none */
  readonly parts?: (object: Slim) => readonly Entity[]
  /** Returns one place per metric, `undefined` where a value is absent. */
  readonly metrics?: (object: Slim, entity: EntityReference) => readonly (Metric | undefined)[]
}

/**
 * Returns a collector that reports every object of a kind. While the kind cannot be synced, the collector returns the
 * last known entities, no metrics, and a gap. Namespaces that were never listed are unread. It fails if the kind was
 * never listed.
 */
export function kindCollector<Kind extends string, Slim extends { readonly uid: string }>(
  kind: Kind,
  signals: KindSignals<Slim>,
): Collector<KindClient<KindSource<Kind, Slim>>> {
  type Client = KindClient<KindSource<Kind, Slim>>
  const caches = new WeakMap<Client, ReturnType<typeof createEntityCache<Slim>>>()
  const cacheOf = (client: Client) => {
    const known = caches.get(client)
    if (known !== undefined) return known
    const allowsLabel = labelFilter(client.config.object_labels)
    const created = createEntityCache((object: Slim): Entities => {
      return [signals.entity(object, allowsLabel, client.entity), ...(signals.parts?.(object) ?? [])]
    })
    caches.set(client, created)
    return created
  }
  return {
    interval: signals.interval ?? DEFAULT_INTERVAL,
    timeout: KIND_TIMEOUT,
    async collect(client: Client, context: CollectContext) {
      const { objects, isCurrent, gaps, unread } = await cachedObjects(
        client.cluster,
        kind,
        context.signal,
        signals.type,
      )
      const cache = cacheOf(client)
      const entities: Entity[] = []
      const metrics: (Metric | undefined)[] = []
      const filter = storedDeltaFilter(context, isCurrent)
      const { metrics: measure } = signals
      for await (const slice of inTimeSlices([...objects.values()]))
        for (const object of slice) {
          if (signals.isReported?.(object) === false) {
            filter.forget(object.uid)
            continue
          }
          const described = cache.of(object)
          entities.push(...described)
          // Most objects of a large cluster did not change: measuring them every time would dominate the agent's CPU
          // time.
          if (isCurrent && measure !== undefined && !filter.isUnchanged(object))
            metrics.push(...filter.changedPoints(object, measure(object, described[0])))
        }
      filter.retain(objects)
      cache.retain(objects)
      return { entities, metrics, gaps, unread }
    },
  }
}

interface CachedObjects<Slim> {
  readonly objects: ReadonlyMap<string, Slim>
  readonly isCurrent: boolean
  readonly gaps: SyncStatus['gaps']
  readonly unread: NonNullable<Signals['unread']>
}

/**
 * Returns the cached objects of a kind, and which of its entities could not be read.
 *
 * @param type type of the entities of these objects, if they have any
 * @throws Error when the kind was never listed, although the server has it
 */
export async function cachedObjects<Kind extends string, Slim>(
  cluster: KindSource<Kind, Slim>,
  kind: Kind,
  signal: AbortSignal,
  type?: string,
): Promise<CachedObjects<Slim>> {
  await cluster.listed(signal)
  const objects = cluster.objects(kind)
  const status = cluster.syncStatus(kind)
  if (status === undefined) {
    const reason = cluster.missing(kind)
    const gaps = reason === undefined ? [] : [{ scope: `kubernetes:${kind.toLowerCase()}`, reason }]
    // Its group may not answer at present.
    const unread = reason === undefined || type === undefined ? [] : [{ type }]
    return { objects, isCurrent: false, gaps, unread }
  }
  if (!status.isListed) throw new Error(status.gaps[0]?.reason ?? `no ${kind} were listed yet`)
  const unread = status.unlisted.map((id) => ({ type: entityTypes.Namespace, id }))
  return { objects, isCurrent: status.isCurrent, gaps: status.gaps, unread }
}

/** Keeps the same entity objects as long as their content is equal: they then cost core no comparison. */
function createEntityCache<Slim extends { readonly uid: string }>(describe: (object: Slim) => Entities) {
  const known = new Map<string, { readonly object: Slim; readonly entities: Entities }>()
  return {
    of: (object: Slim): Entities => {
      const before = known.get(object.uid)
      if (before?.object === object) return before.entities
      const [first, ...parts] = describe(object)
      // Part by part: the containers of a pod that became unready stay unchanged.
      const entities: Entities = [
        reused(first, before?.entities[0]),
        ...parts.map((part, index) => reused(part, before?.entities[index + 1])),
      ]
      known.set(object.uid, { object, entities })
      return entities
    },
    /** Drops the entities of deleted objects. */
    retain: (objects: ReadonlyMap<string, unknown>): void => {
      if (known.size > objects.size) for (const uid of known.keys()) if (!objects.has(uid)) known.delete(uid)
    },
  }
}

function reused(entity: Entity, before: Entity | undefined): Entity {
  return before !== undefined && isDeepStrictEqual(entity, before) ? before : entity
}
