import type { CollectContext, Metric } from '@rca/core/connector'

/** How often what does not change is told, in milliseconds. */
const TOLD_AGAIN = 300_000

type Value = number | string | undefined

interface Told {
  /** When everything was told last, in milliseconds since 1970. */
  readonly at: number
  /** The object as it was when its values were read. */
  readonly object: object | undefined
  readonly values: readonly Value[]
}

/** What was told of each object, by uid. */
export type ToldValues = ReadonlyMap<string, Told>

/** Whether a value is to be told. To be asked for every value of an object, in the same order each time. */
export type IsNews = (value: Value) => boolean

interface Identified {
  readonly uid: string
}

/** What of a round is news. */
export interface News {
  /** What was told, with what this round has told. */
  readonly told: ToldValues
  /** Whether nothing is to be told of an object: it is the same, and it is not time to tell everything again. */
  isOld(object: Identified): boolean
  /** @param object where its values follow from it alone */
  of(uid: string, object?: object): IsNews
  /** Those of an object's points that are news. Each has its place, which is `undefined` where there is none now. */
  points(object: Identified, points: readonly (Metric | undefined)[]): readonly (Metric | undefined)[]
  /** Drops what was told of an object, so that everything is news when it comes back. */
  forget(uid: string): void
  /** Drops what was told of objects that are not there any more. */
  keepOnly(objects: ReadonlyMap<string, unknown>): void
}

/**
 * What seldom changes is told when it does, and all of an object every five minutes: in a large cluster, most of what could be told
 * is as it was.
 *
 * @param before what was told until now, which stays as it is: what a round tells that fails is not told
 */
export function createNews(before: ToldValues, now: Date, random: () => number = Math.random): News {
  const told = new Map(before)
  const time = now.getTime()
  // A clock that was set back would make everything old for long.
  const isDue = (one: Told | undefined): boolean => one === undefined || time - one.at >= TOLD_AGAIN || time < one.at
  const of: News['of'] = (uid, object) => {
    const one = told.get(uid)
    const isAll = isDue(one)
    let values: Value[] | undefined
    const begin = (known: readonly Value[], at: number): Value[] => {
      values = [...known]
      told.set(uid, { at, object, values })
      return values
    }
    // What is first seen together is not all told again together.
    if (one === undefined) begin([], time - random() * TOLD_AGAIN)
    else if (isAll || one.object !== object) begin(one.values, isAll ? time : one.at)
    let place = 0
    return (value) => {
      const isSame = (values ?? one?.values)?.[place] === value
      if (!isSame) (values ?? begin(one?.values ?? [], one?.at ?? time))[place] = value
      place += 1
      return isAll || !isSame
    }
  }
  return {
    told,
    isOld: (object) => {
      const one = told.get(object.uid)
      return one?.object === object && !isDue(one)
    },
    of,
    points: (object, points) => {
      const places = told.get(object.uid)?.values.length ?? 0
      const isNews = of(object.uid, object)
      const news = points.filter((point) => isNews(point === undefined ? undefined : stateOf(point)))
      for (let place = points.length; place < places; place += 1) isNews(undefined)
      return news
    },
    forget: (uid) => void told.delete(uid),
    keepOnly: (objects) => {
      if (told.size > objects.size) for (const uid of told.keys()) if (!objects.has(uid)) told.delete(uid)
    },
  }
}

/** The news of a collector, after what it has told until now. What stands alone is told as a whole, and counts as told to nobody. */
export function newsSince(
  before: ToldValues,
  { now, fullSnapshot }: Pick<CollectContext, 'now' | 'fullSnapshot'>,
): News {
  if (fullSnapshot !== true) return createNews(before, now())
  return {
    told: before,
    isOld: () => false,
    of: () => () => true,
    points: (_object, points) => points,
    forget: () => undefined,
    keepOnly: () => undefined,
  }
}

/**
 * The news of a collector that remembers nothing else.
 *
 * @param isMeasured whether anything can be measured now. If not, what was to be told as a whole is still to be
 */
export function rememberedNews(
  context: Pick<CollectContext, 'swapState' | 'now' | 'fullSnapshot'>,
  isMeasured: boolean,
): News {
  const news = newsSince(context.swapState<ToldValues>(new Map()) ?? new Map(), context)
  context.swapState(isMeasured || context.fullSnapshot !== true ? news.told : new Map())
  return news
}

/** What attributes tell has no place of its own: conditions and resources come and go. */
function stateOf({ name, value, attributes }: Metric): Value {
  for (const _name in attributes) return `${name} ${value} ${JSON.stringify(attributes)}`
  return value
}
