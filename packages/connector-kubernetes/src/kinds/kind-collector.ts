import {
  type Collector,
  type Entity,
  type EntityReference,
  inTimeSlices,
  type Metric,
  type NameFilter,
  type Signals,
} from '@rca/core/connector'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { rememberedNews } from './delta-filter.ts'
import { labelFilter } from './describe-object.ts'
import { createDescriptions, type Description, type Descriptions } from './described.ts'
import type { FollowedKind, ObjectsByKind } from './followed-kinds.ts'

/** What is said of the objects of a kind. */
export interface KindDescription<Object> {
  /** How often. Changes of importance are events, which do not wait for it. @default 30s */
  readonly every?: NonNullable<Collector<never>['interval']>
  /** Whether an object is worth an entity. @default all are */
  readonly isWanted?: (object: Object) => boolean
  /** The object as an entity, the first of several where it consists of parts. Asked once, as long as the object does not change. */
  readonly entities: (object: Object, isWantedLabel: NameFilter, client: KubernetesClient) => Description
  /** What is measured of it now, each number in its place: `undefined` where there is none. */
  readonly metrics?: (object: Object, entity: EntityReference) => readonly (Metric | undefined)[]
}

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
  const descriptions = new WeakMap<KubernetesClient, Descriptions<ObjectsByKind[Kind]>>()
  const descriptionsOf = (client: KubernetesClient) => {
    const known = descriptions.get(client)
    if (known !== undefined) return known
    const isWantedLabel = labelFilter(client.config.object_labels)
    const created = createDescriptions((object: ObjectsByKind[Kind]) =>
      description.entities(object, isWantedLabel, client),
    )
    descriptions.set(client, created)
    return created
  }
  return {
    interval: description.every ?? '30s',
    timeout: DEADLINE,
    async collect(client, context) {
      const { objects, isCurrent, gaps } = await seen(client, kind, context.signal)
      const known = descriptionsOf(client)
      const entities: Entity[] = []
      const metrics: (Metric | undefined)[] = []
      const news = rememberedNews(context, isCurrent)
      const { metrics: measure } = description
      for await (const some of inTimeSlices([...objects.values()]))
        for (const object of some) {
          if (description.isWanted?.(object) === false) {
            news.forget(object.uid)
            continue
          }
          const described = known.of(object)
          entities.push(...described)
          // Most objects of a large cluster are as they were: to measure them each time would be most of what an agent does.
          if (isCurrent && measure !== undefined && !news.isOld(object))
            metrics.push(...news.points(object, measure(object, described[0])))
        }
      news.keepOnly(objects)
      known.keepOnly(objects)
      return { entities, metrics, gaps }
    },
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
