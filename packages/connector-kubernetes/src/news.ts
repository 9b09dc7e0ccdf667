import type { CollectContext, Metric } from '@rca/core'

/** How often what does not change is told, in milliseconds. */
const TOLD_AGAIN = 300_000

type Value = number | string | undefined

interface Told {
  /** When everything was told last, in milliseconds since 1970. */
  at: number
  readonly values: Value[]
}

/** What was told of each object, by uid. */
export type ToldValues = Map<string, Told>

/** Whether a value is to be told. To be asked for every value of an object, in the same order each time. */
export type IsNews = (value: Value) => boolean

/** What of a round is news. */
export interface News {
  /** Whether all of an object is to be told, changed or not. */
  isDue(uid: string): boolean
  of(uid: string): IsNews
  /** Drops what was told of objects that are not there any more. */
  keepOnly(objects: ReadonlyMap<string, unknown>): void
}

/**
 * What seldom changes is told when it does, and all of an object every five minutes: in a large cluster, most of what could be told
 * is as it was.
 *
 * @param told what is kept from round to round
 */
export function createNews(told: ToldValues, now: Date, random: () => number = Math.random): News {
  const isDue = (uid: string): boolean => now.getTime() - (told.get(uid)?.at ?? Number.NEGATIVE_INFINITY) >= TOLD_AGAIN
  return {
    isDue,
    of: (uid) => {
      const isAll = isDue(uid)
      const before = told.get(uid)
      // What is first seen together is not all told again together.
      const one = before ?? { at: now.getTime() - random() * TOLD_AGAIN, values: [] }
      if (before === undefined) told.set(uid, one)
      else if (isAll) one.at = now.getTime()
      let place = 0
      return (value) => {
        const isSame = one.values[place] === value
        one.values[place] = value
        place += 1
        return isAll || !isSame
      }
    },
    keepOnly: (objects) => {
      if (told.size > objects.size) for (const uid of told.keys()) if (!objects.has(uid)) told.delete(uid)
    },
  }
}

/** The news of a collector that remembers nothing else. */
export function newsSince({ remember, now }: Pick<CollectContext, 'remember' | 'now'>): News {
  const fresh: ToldValues = new Map()
  const told = remember(fresh) ?? fresh
  remember(told)
  return createNews(told, now())
}

/** Those of an object's points that are news. Each has its place, which is `undefined` where there is none now. */
export function newPoints(points: readonly (Metric | undefined)[], isNews: IsNews): readonly (Metric | undefined)[] {
  return points.filter((point) => isNews(point === undefined ? undefined : stateOf(point)))
}

function stateOf({ value, attributes }: Metric): Value {
  for (const _name in attributes) return `${value} ${JSON.stringify(attributes)}`
  return value
}
