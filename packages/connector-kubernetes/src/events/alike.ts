/** How long things are counted together, in milliseconds. */
const WINDOW = 10 * 60_000

/** Groups that are remembered before those that have ended are forgotten. */
const MANY = 2_000

/** Says of what happens to one of many alike whether it is to be told: a bad image of a Deployment, or a full disk, may have hundreds. */
export interface Alike {
  /**
   * Which of its group it is within ten minutes, where it is to be told: the first ones, and then the 100th, the 1000th, …
   * @param group what is the same about them
   */
  count(group: string, now: Date): number | undefined
}

/** Has counted nothing yet. @param most things of a group that are told one by one, less than 100 */
export function createAlike(most: number): Alike {
  const groups = new Map<string, { readonly began: number; count: number }>()
  return {
    count: (group, now) => {
      const time = now.getTime()
      const isOver = ({ began }: { readonly began: number }): boolean => Math.abs(time - began) > WINDOW
      const known = groups.get(group)
      const counted = known === undefined || isOver(known) ? { began: time, count: 0 } : known
      counted.count += 1
      groups.set(group, counted)
      if (groups.size > MANY) for (const [name, one] of groups) if (isOver(one)) groups.delete(name)
      const { count } = counted
      return count <= most || (count >= 100 && Number.isInteger(Math.log10(count))) ? count : undefined
    },
  }
}

/** ` (the 100th within ten minutes, not all of which are told)`; nothing of the first ones. */
export function ofMany(count: number): string {
  return count < 100 ? '' : ` (the ${count}th within ten minutes, not all of which are told)`
}

/** The same as an attribute. */
export function affectedAttribute(count: number): number | undefined {
  return count < 100 ? undefined : count
}
