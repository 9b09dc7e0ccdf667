import type { ClusterEvent } from '../../kinds/event/event.ts'

/** What is quiet for so long is over, in milliseconds: when it happens again, that is news. */
const WINDOW = 600_000

/** Happenings that are remembered. */
const MOST = 20_000

/** Something that happens again and again, reported in one object or in several. Times in milliseconds since 1970. */
interface Happening {
  /** The object after which it is called. */
  readonly anchor: string
  /** What that object had counted before. */
  readonly base: number
  readonly count: number
  readonly told: number
  readonly last: number
}

/** That something is to be told. */
export interface Telling {
  /** The same whoever tells it. */
  readonly id: string
  /** How often it has happened so far. */
  readonly count: number
  readonly isFirst: boolean
}

/** Counts what happens, and says when to tell it: at once, and then at the 10th, 100th, … time. */
export interface Happenings {
  /** @param key what is the same about the events of one happening @param old the event as it was before, where it was seen */
  note(key: string, event: ClusterEvent, old: ClusterEvent | undefined): Telling | undefined
}

/** Nothing has happened yet. */
export function createHappenings(): Happenings {
  const known = new Map<string, Happening>()
  return {
    note: (key, event, old) => {
      // The server counts in the object itself: another version of it need not be another time.
      const times = event.count - (old?.count ?? 0)
      if (times <= 0) return undefined
      const before = known.get(key)
      const next = addTo(before, event, old, times)
      const milestone = 10 ** Math.floor(Math.log10(next.count) + 1e-9)
      known.delete(key)
      known.set(key, { ...next, told: Math.max(next.told, milestone) })
      const [oldest] = known.keys()
      if (known.size > MOST && oldest !== undefined) known.delete(oldest)
      if (milestone <= next.told) return undefined
      return { id: `${next.anchor}/${next.base + milestone}`, count: next.count, isFirst: next.told === 0 }
    },
  }
}

function addTo(
  before: Happening | undefined,
  event: ClusterEvent,
  old: ClusterEvent | undefined,
  times: number,
): Happening {
  const last = timeOf(event.lastAt)
  const begins = old === undefined ? timeOf(event.firstAt) : last
  if (before === undefined || begins - before.last > WINDOW)
    return { anchor: event.uid, base: old?.count ?? 0, count: times, told: 0, last }
  return { ...before, count: before.count + times, last: Math.max(before.last, last) }
}

function timeOf(moment: string | undefined): number {
  const time = Date.parse(moment ?? '')
  return Number.isNaN(time) ? 0 : time
}
