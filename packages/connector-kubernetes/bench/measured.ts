/**
 * The side of a benchmark that is measured: it does its work, and answers what its parent asks over the channel
 * between them.
 */

/** How often the event loop is looked at, in milliseconds. */
const INTERVAL = 5

/** What a measured process tells. */
export interface Reading {
  /** Of all its threads since it began, in milliseconds. */
  readonly cpuMs: number
  readonly residentMb: number
  readonly peakMb: number
  /**
   * Longest times that its event loop computed without a break since they were last watched, in milliseconds, longest
   * first.
   */
  readonly stallsMs: readonly number[]
  /** What it counts for itself, such as updates. */
  readonly counts: Readonly<Record<string, number>>
}

export type Request = 'read' | 'watch'

/** Does `work`, says when it is synced, and then answers until it is ended. */
export async function measured(work: () => Promise<() => Readonly<Record<string, number>>>): Promise<void> {
  const stalls = watchStalls()
  stalls.start()
  const counts = await work()
  const reading = (): Reading => ({ ...memory(), cpuMs: cpu(), stallsMs: stalls.stop(), counts: counts() })
  process.on('message', (request: Request) => {
    if (request === 'watch') stalls.start()
    process.send?.(request === 'read' ? reading() : request)
  })
  // As an end of its own, so that a profile is written.
  process.on('SIGTERM', () => process.exit())
  process.send?.(reading())
}

/**
 * What the event loop's thread computes between two looks at it, which is less than the time that passes on a machine
 * with other work to do: a thread that waits for a processor is not stalled by itself.
 */
function watchStalls() {
  let longest: number[] = []
  let timer: NodeJS.Timeout | undefined
  return {
    start: (): void => {
      clearInterval(timer)
      longest = []
      let before = threadCpu()
      timer = setInterval(() => {
        const now = threadCpu()
        longest.push(now - before)
        if (longest.length > 100) longest = top(longest)
        before = now
      }, INTERVAL)
    },
    stop: (): readonly number[] => {
      clearInterval(timer)
      return top(longest)
    },
  }
}

function top(values: readonly number[]): number[] {
  return [...values].sort((a, b) => b - a).slice(0, 5)
}

function threadCpu(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function memory(): { residentMb: number; peakMb: number } {
  const { maxRSS } = process.resourceUsage()
  return { residentMb: process.memoryUsage.rss() / 1e6, peakMb: (maxRSS * 1024) / 1e6 }
}
