/** Time for which a collector may block the event loop. Heartbeats, events and other collectors wait meanwhile. */
const MAX_BLOCKED_MS = 1_000

/** Interval of the timer that notices a blocked event loop. */
const TICK_MS = 200

/** CPU time without which the machine was busy, or the process was paused, rather than the event loop blocked. */
const MIN_CPU_MS = 500

/**
 * Age up to which a reading of the CPU time is used again, in milliseconds: a reading costs more than the start of a
 * collector, and a block seems to take this much more CPU time at most for each thread.
 */
const MAX_CPU_AGE_MS = 20

interface Run {
  readonly collector: string
  readonly begin: number
}

interface Block {
  readonly from: number
  readonly to: number
  /** `undefined` if several collectors were running. */
  readonly culprit: string | undefined
}

/** Outcome of {@link EventLoopMonitor.end}, in milliseconds. */
export interface Blocked {
  /** Longest time for which the run itself blocked the event loop; 0 below a second. */
  readonly ownMs: number
  /** Time for which other runs blocked the event loop during this one. */
  readonly othersMs: number
}

/** Readings that tests replace. */
export interface Clocks {
  readonly now: () => number
  /** Returns the CPU time of this process in milliseconds. */
  readonly cpuMs: () => number
}

const CLOCKS: Clocks = {
  now: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
}

export type EventLoopMonitor = ReturnType<typeof createEventLoopMonitor>

/**
 * Finds collectors that block the event loop for more than a second. Blocks of a run's first step are attributed
 * exactly. A later one is attributed to the only collector that runs; if several run, they are `suspects`, which should
 * run alone the next time.
 */
export function createEventLoopMonitor({ now, cpuMs }: Clocks = CLOCKS) {
  const running = new Set<Run>()
  const suspects = new Set<string>()
  let blocks: Block[] = []
  let tickAt = 0
  let cpuAt = 0
  let timer: NodeJS.Timeout | undefined
  const recentCpuMs = createRecentReading(cpuMs)

  const restart = (): void => {
    tickAt = now()
    cpuAt = recentCpuMs(tickAt)
  }
  const check = (): void => {
    const to = now()
    const isBlocked = to - tickAt > MAX_BLOCKED_MS + TICK_MS && cpuMs() - cpuAt >= MIN_CPU_MS
    if (isBlocked) {
      const collectors = new Set([...running].map(({ collector }) => collector))
      const [only] = collectors
      blocks.push({ from: tickAt, to, culprit: collectors.size === 1 ? only : undefined })
      if (collectors.size > 1) for (const collector of collectors) suspects.add(collector)
    }
    restart()
  }

  return {
    /** Begins a run. */
    begin: (collector: string): Run => {
      if (running.size === 0) {
        restart()
        timer = setInterval(check, TICK_MS).unref()
      } else check()
      const run = { collector, begin: now() }
      running.add(run)
      return run
    },
    /** Runs the first step of a run, until it waits for the first time. */
    runFirstStep: <Result>({ collector }: Run, step: () => Result): Result => {
      const from = now()
      const cpuFrom = recentCpuMs(from)
      try {
        return step()
      } finally {
        const to = now()
        if (to - from > MAX_BLOCKED_MS && cpuMs() - cpuFrom >= MIN_CPU_MS) {
          blocks.push({ from, to, culprit: collector })
          restart()
        }
      }
    },
    /** Ends a run. */
    end: (run: Run): Blocked => {
      check()
      running.delete(run)
      const during = blocks.filter(({ to }) => to > run.begin)
      const own = during.filter(({ culprit }) => culprit === run.collector)
      const others = during.filter(({ culprit }) => culprit !== undefined && culprit !== run.collector)
      if (running.size === 0) {
        clearInterval(timer)
        blocks = []
      }
      return {
        ownMs: Math.max(0, ...own.map(({ from, to }) => to - from)),
        othersMs: others.reduce((sum, { from, to }) => sum + to - Math.max(from, run.begin), 0),
      }
    },
    /** Returns true if a collector should run alone, and forgets that. */
    takeSuspect: (collector: string): boolean => suspects.delete(collector),
  }
}

/** Returns a function that takes the time, and reads the CPU time only if the last reading is too old. */
function createRecentReading(cpuMs: () => number): (now: number) => number {
  let last = { ms: 0, at: Number.NEGATIVE_INFINITY }
  return (now) => {
    if (now - last.at > MAX_CPU_AGE_MS) last = { ms: cpuMs(), at: now }
    return last.ms
  }
}
