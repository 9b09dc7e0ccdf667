import type { Gap } from '../../connector/signals.ts'

/** Ended gaps that wait for a report. A standby does not report. */
const MAX_ENDED = 1000

/** Keeps gaps that ended before a report contained them, so that the next report does. */
export function createEndedGaps() {
  const ended: Gap[] = []
  let reported = new Set<string>()
  return {
    /** Records the end of a gap. */
    add: (gap: Gap, until: Date): void => {
      if (reported.has(keyOf(gap))) return
      ended.push({ ...gap, until: until.toISOString() })
      if (ended.length > MAX_ENDED) ended.shift()
    },
    /** Returns the open gaps with the ended ones, for a report. */
    take: (open: readonly Gap[]): Gap[] => {
      reported = new Set(open.map(keyOf))
      return [...ended.splice(0), ...open]
    },
    clear: (): void => {
      ended.length = 0
      reported.clear()
    },
  }
}

function keyOf({ scope, since }: Gap): string {
  return `${since}\n${scope}`
}
