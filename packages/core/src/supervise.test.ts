import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fullJitter } from './backoff.ts'
import { type Failure, supervise } from './supervise.ts'
import { sleep } from './timers.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('supervise', () => {
  /** Supervises a task whose runs end as given: after so many milliseconds, with an error or without. */
  function supervised(runs: readonly { readonly lasts: number; readonly error?: string }[]) {
    const stop = new AbortController()
    const failures: Failure[] = []
    const onSettled = vi.fn()
    const begin = performance.now()
    const starts: number[] = []
    const done = supervise(
      async (signal) => {
        starts.push(performance.now() - begin)
        const { lasts, error } = runs[starts.length - 1] ?? { lasts: 1e9 }
        await sleep(lasts, signal)
        if (error !== undefined) throw new Error(error)
      },
      { backoff: (count) => count * 10, settledAfterMs: 1000, onSettled, onFailure: (each) => failures.push(each) },
      stop.signal,
    )
    return { stop, failures, onSettled, starts, done }
  }

  test('restarts a task that fails, after a wait that grows', async () => {
    const { stop, failures, starts, onSettled, done } = supervised([
      { lasts: 5, error: 'first' },
      { lasts: 5, error: 'second' },
    ])
    await vi.advanceTimersByTimeAsync(100)
    expect(starts).toEqual([0, 15, 40])
    expect(failures).toMatchObject([
      { failures: 1, restartInMs: 10, error: { message: 'first' } },
      { failures: 2, restartInMs: 20, error: { message: 'second' } },
    ])
    expect(onSettled).not.toHaveBeenCalled()
    stop.abort()
    await done
    expect(vi.getTimerCount()).toBe(0)
  })

  test('counts failures from scratch after a run that settled', async () => {
    const { stop, failures, onSettled, done } = supervised([
      { lasts: 5, error: 'early' },
      { lasts: 1500, error: 'late' },
    ])
    await vi.advanceTimersByTimeAsync(2000)
    expect(failures.map((each) => each.failures)).toEqual([1, 1])
    expect(onSettled).toHaveBeenCalledOnce()
    stop.abort()
    await done
  })

  test('ends when the task resolves', async () => {
    const { done, starts } = supervised([{ lasts: 5 }])
    await vi.advanceTimersByTimeAsync(5)
    await done
    expect(starts).toEqual([0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('reports no failure that the abort caused, and does not wait for the restart', async () => {
    const { stop, failures, done } = supervised([{ lasts: 1e6, error: 'aborted' }])
    stop.abort()
    await done
    expect(failures).toEqual([])
    const waiting = supervised([{ lasts: 0, error: 'broken' }])
    await vi.advanceTimersByTimeAsync(1)
    waiting.stop.abort()
    await waiting.done
    expect(waiting.starts).toEqual([0])
  })

  test('counts failures from scratch after the task called `settle`', async () => {
    const stop = new AbortController()
    const failures: number[] = []
    let runs = 0
    const done = supervise(
      async (_signal, settle) => {
        runs += 1
        if (runs === 3) settle()
        throw new Error('broken')
      },
      { backoff: () => 1, onFailure: (each) => failures.push(each.failures) },
      stop.signal,
    )
    await vi.advanceTimersByTimeAsync(3)
    stop.abort()
    await done
    expect(failures.slice(0, 4)).toEqual([1, 2, 1, 2])
  })

  test('ignores `settle` of a run that has failed', async () => {
    const stop = new AbortController()
    const failures: number[] = []
    let settleFirst: (() => void) | undefined
    const done = supervise(
      async (_signal, settle) => {
        settleFirst ??= settle
        throw new Error('broken')
      },
      {
        backoff: () => 1,
        onFailure: (each) => {
          failures.push(each.failures)
          settleFirst?.()
        },
      },
      stop.signal,
    )
    await vi.advanceTimersByTimeAsync(3)
    stop.abort()
    await done
    expect(failures.slice(0, 3)).toEqual([1, 2, 3])
  })
})

test('fullJitter stays within its bounds, however many failures there were', () => {
  for (const failures of [1, 2, 10, 100, 5000]) {
    const wait = fullJitter(failures, { baseMs: 1000, maxMs: 60_000 })
    expect(wait).toBeGreaterThanOrEqual(0)
    expect(wait).toBeLessThanOrEqual(Math.min(60_000, 1000 * 2 ** (failures - 1)))
  }
})
