/** How often a number that does not change is told, in milliseconds. */
const TOLD_AGAIN = 300_000

/** Gives a number back where it is to be told. To be asked for every number of an object, in the same order each time. */
export type News = (value: number | undefined) => number | undefined

/** What of an object's numbers is news. */
export type SlowNumbers = (object: object) => News

interface Told {
  /** Milliseconds since 1970. */
  at: number
  readonly values: (number | undefined)[]
}

/** What was told of objects, as long as they are the same objects. */
export type ToldNumbers = WeakMap<object, Told>

/**
 * Numbers that seldom change, such as those of storage, are told when they do, and all of an object's every five minutes: in a large
 * cluster they would be a third of all that is told.
 *
 * @param told what is kept from round to round
 */
export function slowNumbers(told: ToldNumbers, now: Date, random: () => number = Math.random): SlowNumbers {
  return (object) => {
    const before = told.get(object)
    const isDue = before === undefined || now.getTime() - before.at >= TOLD_AGAIN
    // What is first seen together is not all told again together.
    if (before === undefined) told.set(object, { at: now.getTime() - random() * TOLD_AGAIN, values: [] })
    else if (isDue) before.at = now.getTime()
    const values = told.get(object)?.values ?? []
    let place = 0
    return (value) => {
      const isSame = values[place] === value
      values[place] = value
      place += 1
      return isSame && !isDue ? undefined : value
    }
  }
}
