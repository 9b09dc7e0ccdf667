import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createMemoryMonitor, type MemoryGrowth } from './memory-monitor.ts'

const MB = 1_000_000

/** A monitor of a heap on which each collector keeps and wastes so many megabytes in each cycle. */
function heapOf(collectors: Record<string, (cycle: number) => { kept?: number; garbage?: number }>) {
  let live = 50 * MB
  let garbage = 0
  let collections = 0
  const monitor = createMemoryMonitor({
    used: () => live + garbage,
    collect: () => {
      garbage = 0
      collections += 1
    },
  })
  let cycle = 0
  /** Runs each collector once, and returns what is named. */
  const runAll = (): Record<string, MemoryGrowth> => {
    const found: Record<string, MemoryGrowth> = {}
    const names = Object.keys(collectors)
    const isAlone = monitor.isLooking()
    if (!isAlone) for (const name of names) monitor.begin(name)
    for (const name of names) {
      if (isAlone) monitor.begin(name)
      const run = collectors[name]?.(cycle) ?? {}
      live += (run.kept ?? 0) * MB
      garbage += (run.garbage ?? 0) * MB
      const growth = monitor.end(name)
      if (growth !== undefined) found[name] = growth
    }
    cycle += 1
    return found
  }
  const runCycles = (count: number): Record<string, MemoryGrowth>[] => Array.from({ length: count }, runAll)
  return { runCycles, monitor, collections: () => collections }
}

describe('MemoryMonitor', () => {
  test('names the collector that keeps more memory after each run, with the amount', () => {
    const { runCycles, monitor } = heapOf({
      load: () => ({ garbage: 30 }),
      queues: () => ({ kept: 60 }),
      topics: () => ({}),
    })
    const found = runCycles(8)
    expect(found.slice(0, 6)).toEqual(Array(6).fill({}))
    expect(found.at(-1)).toEqual({ queues: { bytes: 240 * MB, runs: 4 } })
    expect(monitor.isLooking()).toBe(false)
  })

  test('blames no collector for garbage, however much, and collects it rarely', () => {
    const { runCycles, collections } = heapOf({ load: () => ({ garbage: 60 }), queues: () => ({ garbage: 5 }) })
    expect(runCycles(130)).toEqual(Array(130).fill({}))
    expect(collections()).toBeLessThan(9)
  })

  test('collects no garbage as long as memory does not grow', () => {
    const { runCycles, collections } = heapOf({ load: () => ({}), queues: () => ({}) })
    runCycles(50)
    expect(collections()).toBe(0)
  })

  test('blames no collector for a cache that is full after a few runs', () => {
    const cache = heapOf({ load: () => ({}), queues: (cycle) => ({ kept: cycle < 4 ? 60 : 0 }) })
    expect(cache.runCycles(30)).toEqual(Array(30).fill({}))
    expect(cache.collections()).toBeGreaterThan(4)
    expect(cache.monitor.isLooking()).toBe(false)
  })

  test('forgets the culprit when it keeps no more memory', () => {
    const { runCycles } = heapOf({ load: () => ({}), queues: (cycle) => ({ kept: cycle < 12 ? 60 : 0 }) })
    const found = runCycles(45)
    expect(found[11]).toMatchObject({ queues: { runs: 4 } })
    expect(found.at(-1)).toEqual({})
  })

  test('finds a leak in a real process, beside collectors that leave garbage and fill a cache', async () => {
    const script = fileURLToPath(new URL('../../../test/keep-memory.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 60_000 })
    const { gaps } = JSON.parse(stdout) as { gaps: string[] }
    const named = gaps.filter((gap) => gap.startsWith('memory:'))
    expect(named).toEqual([
      expect.stringMatching(/^memory:leak it keeps more memory after each run: 2[23]\d MB in the last 4 runs\./),
    ])
  }, 70_000)
})
