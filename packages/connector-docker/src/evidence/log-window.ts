/** The engine tells a start when the run may have written its first lines already: at most so long before, in milliseconds. */
const LAG = 1_000

/** What is known of a run and of those beside it. Times in milliseconds since 1970. */
export interface RunTimes {
  readonly startedAt: number | undefined
  /** When the engine told the end: it has read all that the run had written by then. */
  readonly endedAt: number
  /** When the run before ended. */
  readonly endedBefore: number | undefined
  /** Whether another run has begun, or is about to. */
  readonly isFollowed: boolean
}

/**
 * From when to when a log is that of one run. The times that a container keeps of its runs are those at which the engine
 * noticed: a run's first lines are older than its start. The ends of runs are what surely lies between them.
 */
export function logWindow({ startedAt, endedAt, endedBefore, isFollowed }: RunTimes): {
  readonly since: number | undefined
  readonly until: number
} {
  const beginning = startedAt === undefined ? undefined : startedAt - LAG
  return {
    since: endedBefore === undefined ? beginning : endedBefore + 1,
    until: endedAt + (isFollowed ? 1 : LAG),
  }
}
