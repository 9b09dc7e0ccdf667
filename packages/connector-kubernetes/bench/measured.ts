/**
 * The measured side of a benchmark: does its work, and answers the requests of its parent process.
 */

/** How often the event loop is sampled. */
const SAMPLE_INTERVAL_MS = 5

/** The figures of a measured process. */
export interface Reading {
  /** CPU time of all threads since the start of the process. */
  readonly cpuMs: number
  readonly residentMb: number
  readonly peakMb: number
  /**
   * Longest times without a yield to the event loop since the last `watch`, longest first.
   */
  readonly stallsMs: readonly number[]
  /** Counts of the program itself, such as updates. */
  readonly counts: Readonly<Record<string, number>>
}

export type Request = 'read' | 'watch'

/** Does `work`, reports when it is synced, and then answers requests until it is stopped. */
export async function measured(work: () => Promise<() => Readonly<Record<string, number>>>): Promise<void> {
  const stalls = watchStalls()
  stalls.start()
  const counts = await work()
  const reading = (): Reading => ({ ...memory(), cpuMs: cpu(), stallsMs: stalls.stop(), counts: counts() })
  process.on('message', (request: Request) => {
    if (request === 'watch') stalls.start()
    process.send?.(request === 'read' ? reading() : request)
  })
  // A regular exit writes the CPU profile.
  process.on('SIGTERM', () => process.exit())
  process.send?.(reading())
}

/**
 * Measures the CPU time of the event loop's thread between two samples. On a machine with other load, elapsed time
 * would include the time in which the thread waits for a CPU.
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
      }, SAMPLE_INTERVAL_MS)
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
