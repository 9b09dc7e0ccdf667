import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createEventLoopMonitor } from './event-loop-monitor.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** A monitor whose clocks move only by `block`, which uses the CPU, and `pause`, which does not. */
function monitorOf() {
  let time = 0
  let cpu = 0
  const monitor = createEventLoopMonitor({ now: () => time, cpuMs: () => cpu })
  const pause = (milliseconds: number): void => {
    time += milliseconds
  }
  const block = (milliseconds: number): void => {
    pause(milliseconds)
    cpu += milliseconds
  }
  return { monitor, block, pause }
}

describe('EventLoopMonitor', () => {
  test('attributes the first step of a run, and keeps its time from others', () => {
    const { monitor, block, pause } = monitorOf()
    const innocent = monitor.begin('load')
    pause(100)
    const culprit = monitor.begin('queues')
    monitor.runFirstStep(culprit, () => block(5_000))
    expect(monitor.end(culprit)).toEqual({ ownMs: 5_000, othersMs: 0 })
    expect(monitor.end(innocent)).toEqual({ ownMs: 0, othersMs: 5_000 })
  })

  test('reads the CPU time once for collectors that start and end together', () => {
    const cpuMs = vi.fn(() => 0)
    const monitor = createEventLoopMonitor({ now: () => 1_000, cpuMs })
    const runs = ['load', 'queues', 'disks'].map((name) => monitor.begin(name))
    for (const run of runs) monitor.runFirstStep(run, () => undefined)
    for (const run of runs) monitor.end(run)
    expect(cpuMs).toHaveBeenCalledTimes(1)
  })

  test('attributes a later step to the only collector that runs', () => {
    const { monitor, block } = monitorOf()
    const run = monitor.begin('queues')
    block(3_000)
    vi.advanceTimersByTime(200)
    expect(monitor.end(run)).toEqual({ ownMs: 3_000, othersMs: 0 })
  })

  test('suspects all that run, so that they run alone the next time', () => {
    const { monitor, block } = monitorOf()
    const runs = ['load', 'queues'].map((name) => monitor.begin(name))
    block(3_000)
    vi.advanceTimersByTime(200)
    expect(runs.map(monitor.end)).toEqual([
      { ownMs: 0, othersMs: 0 },
      { ownMs: 0, othersMs: 0 },
    ])
    expect(['load', 'queues', 'queues', 'disks'].map(monitor.takeSuspect)).toEqual([true, true, false, false])
  })

  test('blames no collector for short blocks, or for the time that a busy machine takes', () => {
    const { monitor, block, pause } = monitorOf()
    const run = monitor.begin('queues')
    monitor.runFirstStep(run, () => block(900))
    vi.advanceTimersByTime(200)
    pause(60_000)
    vi.advanceTimersByTime(200)
    expect(monitor.end(run)).toEqual({ ownMs: 0, othersMs: 0 })
  })

  test('forgets blocks when no collector runs', () => {
    const { monitor, block } = monitorOf()
    const first = monitor.begin('queues')
    monitor.runFirstStep(first, () => block(5_000))
    monitor.end(first)
    block(5_000)
    expect(monitor.end(monitor.begin('queues'))).toEqual({ ownMs: 0, othersMs: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })
})
