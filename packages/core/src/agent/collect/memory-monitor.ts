import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const MB = 1_000_000

/** Growth since the lowest reading that is checked: this many bytes, and this share of that reading. */
const MIN_GROWTH_BYTES = 48 * MB
const MIN_GROWTH_SHARE = 0.25

/** Cycles from a check to the next one. Doubled by each check that finds only garbage: it takes 20 to 200 ms of CPU. */
const MIN_CHECK_INTERVAL_CYCLES = 2
const MAX_CHECK_INTERVAL_CYCLES = 32

/** Runs of a collector that must keep more memory, each by so much. Caches may fill during the runs before. */
const MIN_RUNS = 4
const MIN_KEPT_BYTES = 8 * MB

/** Memory that a collector keeps. */
export interface MemoryGrowth {
  readonly bytes: number
  readonly runs: number
}

/** Readings that tests replace. */
export interface Heap {
  /** Returns bytes in use, garbage included. */
  readonly used: () => number
  /** Collects garbage. */
  readonly collect: () => void
}

const HEAP: Heap = {
  used: () => {
    const { used_heap_size, external_memory } = getHeapStatistics()
    return used_heap_size + external_memory
  },
  collect: () => {
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
  },
}

export type MemoryMonitor = ReturnType<typeof createMemoryMonitor>

/**
 * Finds a collector that keeps more memory after each run. As long as memory does not grow, this costs a reading per
 * run. When it has grown, garbage is collected once; if it has grown all the same, collectors should run one after the
 * other for a few cycles, with a collection between them, which shows what each run keeps.
 */
export function createMemoryMonitor({ used, collect }: Heap = HEAP) {
  const running = new Set<string>()
  const runs = new Map<string, number>()
  const culprits = new Map<string, MemoryGrowth>()
  let lowest = Number.POSITIVE_INFINITY
  let cycle = 0
  let nextCheck = 0
  let checkInterval = MIN_CHECK_INTERVAL_CYCLES
  /** Bytes that each run kept, by collector, while collectors run one after the other. */
  let kept: Map<string, number[]> | undefined
  let before: number | undefined

  const live = (): number => {
    collect()
    return used()
  }
  const hasGrown = (bytes: number): boolean => bytes - lowest >= Math.max(MIN_GROWTH_BYTES, lowest * MIN_GROWTH_SHARE)
  const check = (): void => {
    const bytes = used()
    lowest = Math.min(lowest, bytes)
    if (cycle < nextCheck) return
    const mayHaveGrown = hasGrown(bytes)
    if (mayHaveGrown && hasGrown(live())) {
      kept = new Map()
      return
    }
    culprits.clear()
    if (!mayHaveGrown) return
    nextCheck = cycle + checkInterval
    checkInterval = Math.min(MAX_CHECK_INTERVAL_CYCLES, 2 * checkInterval)
  }
  const record = (collector: string, list: Map<string, number[]>): void => {
    if (before !== undefined && running.size === 0)
      list.set(collector, [...(list.get(collector) ?? []), live() - before])
    before = undefined
    // One more: then the other collectors have ended as many runs.
    if (Math.max(0, ...[...list.values()].map(({ length }) => length)) <= MIN_RUNS) return
    culprits.clear()
    for (const [name, amounts] of list)
      if (amounts.length >= MIN_RUNS && amounts.every((bytes) => bytes >= MIN_KEPT_BYTES))
        culprits.set(name, { bytes: amounts.reduce((sum, bytes) => sum + bytes, 0), runs: amounts.length })
    kept = undefined
    lowest = used()
    nextCheck = cycle + (culprits.size > 0 ? MAX_CHECK_INTERVAL_CYCLES : MIN_CHECK_INTERVAL_CYCLES)
    checkInterval = MIN_CHECK_INTERVAL_CYCLES
  }

  return {
    /** Begins a run. */
    begin: (collector: string): void => {
      before = kept !== undefined && running.size === 0 ? live() : undefined
      running.add(collector)
    },
    /** Ends a run. Returns what the collector keeps, `undefined` unless it keeps more after each run. */
    end: (collector: string): MemoryGrowth | undefined => {
      running.delete(collector)
      const count = (runs.get(collector) ?? 0) + 1
      runs.set(collector, count)
      cycle = Math.max(cycle, count)
      if (kept === undefined) check()
      else record(collector, kept)
      return culprits.get(collector)
    },
    /** Returns true while collectors should run one after the other. */
    isLooking: () => kept !== undefined,
  }
}
