import { isDeepStrictEqual } from 'node:util'
import type { Entity } from '@rca/core/connector'

/** An object as entities, the first of several where it consists of parts. */
export type Description = readonly [Entity, ...Entity[]]

interface Identified {
  readonly uid: string
}

/** What was said of objects. What is said of one again is the same object again, which costs nobody anything. */
export interface Descriptions<Object extends Identified> {
  of(object: Object): Description
  /** Drops those of objects that are not there any more. */
  keepOnly(objects: ReadonlyMap<string, unknown>): void
}

/** Describes objects that have changed, part by part: of a pod that is not ready any more, what is said of its containers stays. */
export function createDescriptions<Object extends Identified>(
  describe: (object: Object) => Description,
): Descriptions<Object> {
  const known = new Map<string, { readonly object: Object; readonly entities: Description }>()
  return {
    of: (object) => {
      const before = known.get(object.uid)
      if (before?.object === object) return before.entities
      const [first, ...others] = describe(object)
      const entities: Description =
        before === undefined
          ? [first, ...others]
          : [
              asBefore(first, before.entities[0]),
              ...others.map((entity, part) => asBefore(entity, before.entities[part + 1])),
            ]
      known.set(object.uid, { object, entities })
      return entities
    },
    keepOnly: (objects) => {
      if (known.size > objects.size) for (const uid of known.keys()) if (!objects.has(uid)) known.delete(uid)
    },
  }
}

function asBefore(entity: Entity, before: Entity | undefined): Entity {
  return isDeepStrictEqual(entity, before) ? (before ?? entity) : entity
}
