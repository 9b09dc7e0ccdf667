/** How close ends follow one another in a loop, in milliseconds. */
const WINDOW = 600_000

/** Ends that are told in full before they are counted instead. */
const IN_FULL = 3

/** Ends of runs that followed one another. Times in milliseconds since 1970. */
export interface EndCount {
  readonly since: number
  readonly last: number
  readonly count: number
}

/** The count after one more end. A container that stays up for ten minutes begins anew. */
export function countEnd(before: EndCount | undefined, at: Date): EndCount {
  const last = at.getTime()
  const follows = before !== undefined && last - before.last <= WINDOW
  return follows ? { ...before, last, count: before.count + 1 } : { since: last, last, count: 1 }
}

/**
 * How an end is told: in full, as a count, or not at all because a count has just been told. After three in full a loop is
 * told whenever its count has doubled: a night of crashes is a dozen of events and not a thousand.
 */
export function endTelling({ count }: EndCount): 'in full' | 'as a count' | 'not at all' {
  if (count <= IN_FULL) return 'in full'
  return Number.isInteger(Math.log2(count)) ? 'as a count' : 'not at all'
}

/** Whether a container's ends are counted from now on: then its starts, and the networks that it joins and leaves, are no news. */
export function isLoop(ends: EndCount | undefined, at: Date): boolean {
  return ends !== undefined && ends.count >= IN_FULL && at.getTime() - ends.last <= WINDOW
}
