/** How close crashes follow one another in a loop, in milliseconds. */
const WINDOW = 600_000

/** Crashes that are told in full before they are counted instead. */
const IN_FULL = 3

/** Crashes that followed one another. Times in milliseconds since 1970. */
export interface CrashCount {
  readonly since: number
  readonly last: number
  readonly count: number
}

/** The count after one more crash. A container that stays up for ten minutes begins anew. */
export function countCrash(before: CrashCount | undefined, at: Date): CrashCount {
  const last = at.getTime()
  const isLoop = before !== undefined && last - before.last <= WINDOW
  return isLoop ? { ...before, last, count: before.count + 1 } : { since: last, last, count: 1 }
}

/**
 * How a crash is told: in full, as a count, or not at all because a count has just been told. After three in full a loop is
 * told whenever its count has doubled: a night of crashes is a dozen of events and not a thousand.
 */
export function crashTelling({ count }: CrashCount): 'in full' | 'as a count' | 'not at all' {
  if (count <= IN_FULL) return 'in full'
  return Number.isInteger(Math.log2(count)) ? 'as a count' : 'not at all'
}
