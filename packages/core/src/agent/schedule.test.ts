import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { repeat } from './schedule.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** When a task was started, in milliseconds, where its runs take so long, one after the other. */
async function startsOf(durations: readonly number[], interval: () => number, until: number): Promise<number[]> {
  const begin = performance.now()
  const starts: number[] = []
  const stop = new AbortController()
  let running = 0
  const task = async (): Promise<void> => {
    running += 1
    expect(running).toBe(1)
    starts.push(performance.now() - begin)
    const duration = durations[starts.length - 1] ?? 0
    if (duration > 0) await new Promise((resolve) => setTimeout(resolve, duration))
    running -= 1
  }
  const repeating = repeat({ interval, task }, stop.signal)
  await vi.advanceTimersByTimeAsync(until)
  stop.abort()
  await repeating
  expect(vi.getTimerCount()).toBe(0)
  return starts
}

test('it starts at once, and then on the interval', async () => {
  expect(await startsOf([], () => 100, 350)).toEqual([0, 100, 200, 300])
})

test('a slow run makes the next start no later', async () => {
  expect(await startsOf([30, 99, 60], () => 100, 350)).toEqual([0, 100, 200, 300])
})

test('a run that takes longer than the interval costs the starts it covers, and never overlaps itself', async () => {
  expect(await startsOf([250, 0, 100], () => 100, 650)).toEqual([0, 300, 400, 600])
})

test('the interval may change between two starts', async () => {
  const intervals = [100, 50, 200]
  expect(await startsOf([], () => intervals.shift() ?? 1000, 400)).toEqual([0, 100, 150, 350])
})

test('it does nothing when it was stopped before, and ends at once when it is stopped', async () => {
  const task = vi.fn(async () => undefined)
  await repeat({ interval: () => 100, task }, AbortSignal.abort())
  expect(task).not.toHaveBeenCalled()
  const stop = new AbortController()
  const repeating = repeat({ interval: () => 1e12, task }, stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  stop.abort()
  await repeating
  expect(task).toHaveBeenCalledOnce()
})
