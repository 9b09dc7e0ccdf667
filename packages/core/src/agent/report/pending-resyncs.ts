/** How soon a collector tells everything once more, in milliseconds: while reports get lost, each that is full would push out others. */
const AGAIN_AFTER = 60_000

/** Which collectors are to tell everything, since a report got lost: what had changed by then may have been in it. */
export interface Owed {
  /** @param collectors in whose next run that can be */
  add(collectors: Iterable<string>): void
  /** Whether the run of a collector that begins now is to tell everything. It is not owed any more then. @param now in milliseconds, monotonic */
  take(collector: string, now: number): boolean
  clear(): void
}

/** Nothing is owed. */
export function createOwed(): Owed {
  const owed = new Set<string>()
  const takenAt = new Map<string, number>()
  return {
    add: (collectors) => {
      for (const collector of collectors) owed.add(collector)
    },
    take: (collector, now) => {
      if (!owed.has(collector) || now - (takenAt.get(collector) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER) return false
      owed.delete(collector)
      takenAt.set(collector, now)
      return true
    },
    clear: () => owed.clear(),
  }
}
