import {
  type CollectContext,
  type Collector,
  type Duration,
  type Entity,
  type EntityReference,
  type Metric,
  type NameFilter,
  paced,
  type Signals,
} from '@rca/core'
import type { FollowedKind, ObjectsByKind } from '../cluster/followed-kinds.ts'
import { labelFilter, remembering } from '../describe-object.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'

/** What is said of the objects of a kind. */
export interface KindDescription<Object> {
  /** How often. Changes of importance are events, which do not wait for it. @default 30s */
  readonly every?: Duration
  /** Whether an object is worth an entity. @default all are */
  readonly isWanted?: (object: Object) => boolean
  /** The object as an entity, the first of several where it consists of parts. Asked once, as long as the object does not change. */
  readonly entities: (
    object: Object,
    isWantedLabel: NameFilter,
    client: KubernetesClient,
  ) => readonly [Entity, ...Entity[]]
  /** What is measured of it now. */
  readonly metrics?: (object: Object, entity: EntityReference) => readonly (Metric | undefined)[]
}

/** How often what does not change is measured again, in milliseconds. */
const REMEASURE = 300_000

/** How long the first list of a large cluster may take. */
const DEADLINE = '60s'

/**
 * Tells of every object of a kind. Where the kind cannot be seen any more, what was known of it stays, nothing is measured, and a gap
 * says why; where it has never been seen, the collector fails.
 */
export function kindCollector<Kind extends FollowedKind>(
  kind: Kind,
  description: KindDescription<ObjectsByKind[Kind]>,
): Collector<KubernetesClient> {
  const describers = new WeakMap<KubernetesClient, (object: ObjectsByKind[Kind]) => readonly [Entity, ...Entity[]]>()
  const describerOf = (client: KubernetesClient) => {
    const known = describers.get(client)
    if (known !== undefined) return known
    const isWantedLabel = labelFilter(client.config.object_labels)
    const describer = remembering((object: ObjectsByKind[Kind]) => description.entities(object, isWantedLabel, client))
    describers.set(client, describer)
    return describer
  }
  return {
    every: description.every ?? '30s',
    deadline: DEADLINE,
    async collect(client, { signal, now, remember }) {
      const { objects, isCurrent, gaps } = await seen(client, kind, signal)
      const describe = describerOf(client)
      const entities: Entity[] = []
      const metrics: (Metric | undefined)[] = []
      const isDue = measuring(remember, now())
      for await (const some of paced([...objects.values()]))
        for (const object of some) {
          if (description.isWanted?.(object) === false) continue
          const described = describe(object)
          entities.push(...described)
          if (isCurrent && description.metrics !== undefined && isDue(object))
            metrics.push(...description.metrics(object, described[0]))
        }
      return { entities, metrics, gaps }
    },
  }
}

/** When an object, as it is, was last measured. In milliseconds since 1970. */
type Measured = WeakMap<object, number>

/**
 * Whether an object is to be measured: when it has changed, and now and then. Most objects of a large cluster are as they were: to
 * tell their numbers each time would be most of what an agent does.
 */
function measuring(remember: CollectContext['remember'], now: Date): (object: object) => boolean {
  const fresh: Measured = new WeakMap()
  const measured = remember(fresh) ?? fresh
  if (measured !== fresh) remember(measured)
  return (object) => {
    const last = measured.get(object)
    if (last !== undefined && now.getTime() - last < REMEASURE) return false
    // A large cluster's objects, which are all seen at once at the start, are not all told again at once.
    measured.set(object, last === undefined ? now.getTime() - Math.random() * REMEASURE : now.getTime())
    return true
  }
}

/** What can be seen of a kind. @throws Error when nothing of it has ever been seen, although the server has it. */
export async function seen<Kind extends FollowedKind>(
  { cluster }: Pick<KubernetesClient, 'cluster'>,
  kind: Kind,
  signal: AbortSignal,
): Promise<{
  readonly objects: ReadonlyMap<string, ObjectsByKind[Kind]>
  readonly isCurrent: boolean
  readonly gaps: NonNullable<Signals['gaps']>
}> {
  await cluster.listed(signal)
  const objects = cluster.objects(kind)
  const sight = cluster.sight(kind)
  if (sight === undefined) {
    const reason = cluster.missing(kind)
    return {
      objects,
      isCurrent: false,
      gaps: reason === undefined ? [] : [{ scope: `kubernetes:${kind.toLowerCase()}`, reason }],
    }
  }
  if (!sight.isListed) throw new Error(sight.gaps[0]?.reason ?? `no ${kind} were listed yet`)
  return { objects, isCurrent: sight.isCurrent, gaps: sight.gaps }
}
