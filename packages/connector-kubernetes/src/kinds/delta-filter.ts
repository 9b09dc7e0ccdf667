import type { CollectContext, Metric } from '@rca/core/connector'

/** How often unchanged values are sent again. */
const RESEND_INTERVAL_MS = 300_000

type Value = number | string | undefined

interface SentObject {
  /** When all values were last sent, in milliseconds since 1970. */
  readonly at: number
  /** The object from which the values were read. */
  readonly object: object | undefined
  readonly values: readonly Value[]
}

/** The values that were sent last, by UID of the object. */
export type SentValues = ReadonlyMap<string, SentObject>

/** Returns whether a value must be sent. Called for every value of an object, in the same order each time. */
export type IsChanged = (value: Value) => boolean

/** Selects the points of one collection cycle that must be sent. */
export interface DeltaFilter {
  /** The values that were sent last, including those of this cycle. */
  readonly sent: SentValues
  /** Returns whether an object is the same and not due to be sent again. */
  isUnchanged(object: { readonly uid: string }): boolean
  /** @param object set if all values follow from it */
  valuesOf(uid: string, object?: object): IsChanged
  /** Returns the changed points of an object. Every point has its place, with `undefined` for an absent one. */
  changedPoints(
    object: { readonly uid: string },
    points: readonly (Metric | undefined)[],
  ): readonly (Metric | undefined)[]
  /** Forgets an object, so that all of its points count as changed next time. */
  forget(uid: string): void
  /** Forgets deleted objects. */
  retain(objects: ReadonlyMap<string, unknown>): void
}

/**
 * Suppresses unchanged points and sends all points of an object again every five minutes: in a large cluster, most
 * points do not change.
 *
 * @param before what was sent so far. It is not modified: the points of a failed cycle do not count as sent
 */
export function createDeltaFilter(before: SentValues, now: Date, random: () => number = Math.random): DeltaFilter {
  const sent = new Map(before)
  const time = now.getTime()
  // After the clock was set back, nothing would be due for a long time.
  const isDue = (one: SentObject | undefined): boolean =>
    one === undefined || time - one.at >= RESEND_INTERVAL_MS || time < one.at
  const valuesOf: DeltaFilter['valuesOf'] = (uid, object) => {
    const one = sent.get(uid)
    const isAll = isDue(one)
    let values: Value[] | undefined
    const begin = (known: readonly Value[], at: number): Value[] => {
      values = [...known]
      sent.set(uid, { at, object, values })
      return values
    }
    // The jitter spreads the next full sends of objects that were first seen together.
    if (one === undefined) begin([], time - random() * RESEND_INTERVAL_MS)
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
    sent,
    isUnchanged: (object) => {
      const one = sent.get(object.uid)
      return one?.object === object && !isDue(one)
    },
    valuesOf,
    changedPoints: (object, points) => {
      const places = sent.get(object.uid)?.values.length ?? 0
      const isChanged = valuesOf(object.uid, object)
      const changed = points.filter((point) => isChanged(point === undefined ? undefined : stateOf(point)))
      for (let place = points.length; place < places; place += 1) isChanged(undefined)
      return changed
    },
    forget: (uid) => void sent.delete(uid),
    retain: (objects) => {
      if (sent.size > objects.size) for (const uid of sent.keys()) if (!objects.has(uid)) sent.delete(uid)
    },
  }
}

/** Returns the filter of a cycle. In a full snapshot every point counts as changed, and `before` stays as it is. */
export function deltaFilterSince(
  before: SentValues,
  { now, fullSnapshot }: Pick<CollectContext, 'now' | 'fullSnapshot'>,
): DeltaFilter {
  if (fullSnapshot !== true) return createDeltaFilter(before, now())
  return {
    sent: before,
    isUnchanged: () => false,
    valuesOf: () => () => true,
    changedPoints: (_object, points) => points,
    forget: () => undefined,
    retain: () => undefined,
  }
}

/**
 * Returns the filter of a collector whose only state is what it sent.
 *
 * @param isMeasured `false` if nothing can be measured: after a full snapshot without points, everything is sent next
 * time
 */
export function storedDeltaFilter(
  context: Pick<CollectContext, 'swapState' | 'now' | 'fullSnapshot'>,
  isMeasured: boolean,
): DeltaFilter {
  const filter = deltaFilterSince(context.swapState<SentValues>(new Map()) ?? new Map(), context)
  context.swapState(isMeasured || context.fullSnapshot !== true ? filter.sent : new Map())
  return filter
}

/** Includes attributes, which have no fixed place: conditions and resources come and go. */
function stateOf({ name, value, attributes }: Metric): Value {
  for (const _name in attributes) return `${name} ${value} ${JSON.stringify(attributes)}`
  return value
}
