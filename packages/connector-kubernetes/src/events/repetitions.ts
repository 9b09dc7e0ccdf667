/** What does not happen again for so long begins anew, in milliseconds. */
const QUIET = 10 * 60_000

/** How often something is told as it happens. */
const ONE_BY_ONE = 3

/** Things that are remembered before those that have ended are forgotten. */
const MANY = 5_000

/** Says of something that has happened again whether it is to be told. */
export interface Repetitions {
  /**
   * How often it has happened by now, where it is to be told: the first times, and then at 10, 100, 1000, …
   * @param key what it happens to
   */
  count(key: string, now: Date): number | undefined
}

/** Remembers nothing yet. */
export function createRepetitions(): Repetitions {
  const known = new Map<string, { count: number; last: number }>()
  return {
    count: (key, now) => {
      const time = now.getTime()
      const before = known.get(key)
      const count = before === undefined || time - before.last > QUIET ? 1 : before.count + 1
      known.set(key, { count, last: time })
      if (known.size > MANY) for (const [old, { last }] of known) if (time - last > QUIET) known.delete(old)
      return count <= ONE_BY_ONE || Number.isInteger(Math.log10(count)) ? count : undefined
    },
  }
}

/** The count as an attribute, where it says that not every time was told. */
export function countAttribute(count: number) {
  return { 'change.count': count > ONE_BY_ONE ? count : undefined }
}

/** ` (10 times)`, or nothing. */
export function timesOver(count: number): string {
  return count > ONE_BY_ONE ? ` (${count} times)` : ''
}
