import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { gate } from '../../test/gate.ts'
import type { CollectorRun } from './collect/collector-health.ts'
import {
  type CollectionScheduler,
  type CollectionSchedulerOptions,
  createCollectionScheduler,
} from './collection-scheduler.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const signals = { entities: [], metrics: [], events: [], gaps: [], unread: [], problems: [] }

interface Setup {
  readonly scheduler: CollectionScheduler
  /** Runs, results and reports in order, each with its second. */
  readonly history: string[]
  readonly stop: AbortController
}

function reportsOf(hasContent: () => boolean): CollectionSchedulerOptions['reports'] {
  return {
    addRun: () => undefined,
    addMetrics: () => undefined,
    isFull: () => false,
    hasContent: hasContent,
    takePendingResync: () => false,
  }
}

function schedulerOf(
  collectors: Record<string, number | undefined>,
  run: (collector: string) => Promise<boolean> = async () => true,
  options: Partial<CollectionSchedulerOptions> = {},
): Setup {
  const begin = performance.now()
  const history: string[] = []
  const stop = new AbortController()
  let hasContent = false
  const running = new Set<string>()
  const second = (): number => Math.round((performance.now() - begin) / 100) / 10
  const scheduler = createCollectionScheduler({
    collectors: new Map(Object.entries(collectors)),
    intervalMs: 15_000,
    runner: {
      isRunning: (name) => running.has(name),
      run: async (collector): Promise<CollectorRun> => {
        history.push(`${collector} ${second()}`)
        running.add(collector)
        const ok = await run(collector)
        running.delete(collector)
        return { collector, ok, durationMs: 0, signals }
      },
    },
    reports: {
      addRun: ({ collector }) => {
        hasContent = true
        history.push(`+${collector} ${second()}`)
      },
      addMetrics: () => undefined,
      isFull: () => false,
      hasContent: () => hasContent,
      takePendingResync: () => false,
    },
    report: async () => {
      hasContent = false
      history.push(`report ${second()}`)
    },
    ...options,
  })
  return { scheduler, history, stop }
}

describe('CollectionScheduler', () => {
  test('collects and reports in every cycle', async () => {
    const { scheduler, history, stop } = schedulerOf({ a: undefined })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(16_000)
    expect(history).toEqual(['a 0', '+a 0', 'report 0', 'a 15', '+a 15', 'report 15'])
    stop.abort()
    await running
    expect(vi.getTimerCount()).toBe(0)
  })

  test('skips a collector whose own interval is longer', async () => {
    const { scheduler, history, stop } = schedulerOf({ often: 1000, rare: 45_000 })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(91_000)
    expect(history.filter((line) => line.startsWith('rare'))).toEqual(['rare 0', 'rare 45', 'rare 90'])
    expect(history.filter((line) => line.startsWith('often'))).toHaveLength(7)
    stop.abort()
    await running
  })

  test('reports without a slow collector, and adds its result to the next report', async () => {
    const slow = gate<boolean>()
    const { scheduler, history, stop } = schedulerOf({ fast: undefined, slow: undefined }, async (name) =>
      name === 'slow' ? slow.promise : true,
    )
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(6000)
    expect(history).toEqual(['fast 0', 'slow 0', '+fast 0', 'report 5'])
    await vi.advanceTimersByTimeAsync(9500)
    // The slow collector is not started a second time.
    expect(history.slice(4)).toEqual(['fast 15', '+fast 15', 'report 15'])
    slow.open(true)
    await vi.advanceTimersByTimeAsync(15_000)
    // A first result is reported soon.
    expect(history.slice(7, 9)).toEqual(['+slow 15.5', 'report 16'])
    expect(history.slice(9)).toEqual(['fast 30', 'slow 30', '+fast 30', '+slow 30', 'report 30'])
    stop.abort()
    await running
  })

  test('reports a watcher’s events together after half a second', async () => {
    let hasContent = true
    const history: string[] = []
    const { scheduler, stop } = schedulerOf({}, undefined, {
      reports: reportsOf(() => hasContent),
      report: async () => void history.push('report'),
    })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(1000)
    scheduler.reportSoon()
    scheduler.reportSoon()
    await vi.advanceTimersByTimeAsync(499)
    expect(history).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(history).toHaveLength(2)
    hasContent = false
    scheduler.reportSoon()
    await vi.advanceTimersByTimeAsync(1000)
    expect(history).toHaveLength(2)
    stop.abort()
    await running
  })

  test('cancels a delayed report when a cycle reports before it', async () => {
    const { scheduler, history, stop } = schedulerOf({ a: undefined })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(14_800)
    scheduler.reportSoon()
    await vi.advanceTimersByTimeAsync(1000)
    expect(history.filter((line) => line.startsWith('report'))).toEqual(['report 0', 'report 15'])
    stop.abort()
    await running
  })

  test('reports nothing after the stop, and ignores failures that the stop caused', async () => {
    const slow = gate<boolean>()
    const { scheduler, history, stop } = schedulerOf({ good: undefined, slow: undefined }, async (name) =>
      name === 'slow' ? slow.promise : true,
    )
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(100)
    stop.abort()
    slow.open(false)
    await running
    scheduler.reportSoon()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(history).toEqual(['good 0', 'slow 0', '+good 0'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('requests a full snapshot from collectors with a pending resync', async () => {
    const modes: unknown[] = []
    const pending = new Set(['pods'])
    const { scheduler, stop } = schedulerOf({ pods: undefined, nodes: undefined }, undefined, {
      runner: {
        isRunning: () => false,
        run: async (collector, mode): Promise<CollectorRun> => {
          modes.push([collector, mode?.fullSnapshot])
          return { collector, ok: true, durationMs: 0, signals }
        },
      },
      reports: { ...reportsOf(() => false), takePendingResync: (collector) => pending.delete(collector) },
    })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(modes).toEqual([
      ['pods', true],
      ['nodes', false],
      ['pods', false],
      ['nodes', false],
    ])
    stop.abort()
    await running
  })

  test('builds one report for all collectors that wait for room', async () => {
    const history: string[] = []
    let isFull = false
    const made = gate()
    const { scheduler, stop } = schedulerOf({ many: undefined }, undefined, {
      runner: {
        isRunning: () => false,
        run: async (collector, { onMetrics } = {}): Promise<CollectorRun> => {
          isFull = true
          const waiting = [1, 2, 3].map(() => onMetrics?.([]))
          history.push('handed over')
          made.open()
          await Promise.all(waiting)
          history.push('room again')
          return { collector, ok: true, durationMs: 0, signals }
        },
      },
      reports: { ...reportsOf(() => true), isFull: () => isFull },
      report: async () => {
        await made.promise
        isFull = false
        history.push('report')
      },
    })
    const running = scheduler.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(history).toEqual(['handed over', 'report', 'room again', 'report'])
    stop.abort()
    await running
  })
})
