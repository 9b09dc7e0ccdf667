import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { gate } from '../test/gate.ts'
import { TimeoutError } from './errors/timeout-error.ts'
import { abortableSleep, alignedSleep, repeat, settleWithin, sleep, withTimeout } from './timers.ts'

const never = (): Promise<never> => new Promise(() => undefined)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('sleep', () => {
  test('does not resolve at once when the delay exceeds what a timer supports', async () => {
    const stop = new AbortController()
    let isOver = false
    const sleeping = sleep(2 ** 40, stop.signal).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(1000)
    expect(isOver).toBe(false)
    stop.abort()
    await sleeping
    expect(vi.getTimerCount()).toBe(0)
  })

  test('resolves at once when its signal is aborted already', async () => {
    await sleep(1e6, AbortSignal.abort())
  })
})

test('abortableSleep rejects when its signal aborts', async () => {
  const stop = new AbortController()
  const sleeping = abortableSleep(stop.signal)('1h')
  stop.abort(new Error('stopped'))
  await expect(sleeping).rejects.toThrow('stopped')
})

describe('alignedSleep', () => {
  test('ends the long sleeps of loops that drift apart at the same times', async () => {
    const stop = new AbortController()
    const sleepAligned = alignedSleep(stop.signal, performance.now())
    const begin = performance.now()
    const wakeUps: number[] = []
    const loop = async (workMs: number): Promise<void> => {
      for (let run = 0; run < 3; run += 1) {
        await sleep(workMs, stop.signal)
        await sleepAligned('10s')
        wakeUps.push(performance.now() - begin)
      }
    }
    const loops = Promise.all([loop(1), loop(700), loop(2_400)])
    await vi.advanceTimersByTimeAsync(30_000)
    await loops
    expect(wakeUps).toEqual([10_000, 10_000, 10_000, 20_000, 20_000, 20_000, 30_000, 30_000, 30_000])
  })

  test('leaves short sleeps as they are, and rejects when its signal aborts', async () => {
    const stop = new AbortController()
    const sleepAligned = alignedSleep(stop.signal, performance.now() - 1_234)
    const short = sleepAligned('1s')
    await vi.advanceTimersByTimeAsync(1_000)
    await short
    const long = sleepAligned('1m')
    stop.abort(new Error('stopped'))
    await expect(long).rejects.toThrow('stopped')
  })
})

test('settleWithin resolves when the promise resolves, when it rejects, and at the timeout', async () => {
  await settleWithin(Promise.resolve(), 1e6)
  await settleWithin(Promise.reject(new Error('no')), 1e6)
  await settleWithin(undefined, 1e6)
  const waiting = settleWithin(never(), 1)
  await vi.advanceTimersByTimeAsync(1)
  await waiting
})

describe('withTimeout', () => {
  test('settles as the operation does when it ends in time', async () => {
    await expect(withTimeout('it', 1e12, undefined, async () => 5)).resolves.toBe(5)
    await expect(withTimeout('it', 1000, undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  test('rejects when the operation throws synchronously', async () => {
    const run = (): Promise<never> => {
      throw new Error('at once')
    }
    await expect(withTimeout('it', 1000, undefined, run)).rejects.toThrow('at once')
  })

  test('aborts the signal at the timeout and does not wait for an operation that ignores it', async () => {
    let given: AbortSignal | undefined
    const late = gate<string>()
    const running = withTimeout('reading disks', 5, undefined, (signal) => {
      given = signal
      return late.promise
    })
    running.catch(() => undefined)
    await vi.advanceTimersByTimeAsync(5)
    await expect(running).rejects.toThrow(TimeoutError)
    await expect(running).rejects.toThrow('reading disks did not finish within 0.005 s')
    expect(given?.aborted).toBe(true)
    // A late rejection is not an unhandled one.
    late.break(new Error('too late'))
  })

  test('rejects when the parent signal aborts, and leaves no timer behind', async () => {
    const parent = new AbortController()
    const running = withTimeout('it', 1000, parent.signal, never)
    parent.abort(new Error('stopped'))
    await expect(running).rejects.toThrow('stopped')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('runs nothing when the parent signal is aborted already', async () => {
    const run = vi.fn(async () => 1)
    await expect(withTimeout('it', 1000, AbortSignal.abort(new Error('stopped')), run)).rejects.toThrow('stopped')
    expect(run).not.toHaveBeenCalled()
  })
})

describe('repeat', () => {
  /** Returns when the task was started, in milliseconds, if its runs take the given durations. */
  async function startsOf(durations: readonly number[], intervalMs: () => number, until: number): Promise<number[]> {
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
    const repeating = repeat(intervalMs, task, stop.signal)
    await vi.advanceTimersByTimeAsync(until)
    stop.abort()
    await repeating
    expect(vi.getTimerCount()).toBe(0)
    return starts
  }

  test('starts at once, then on the interval', async () => {
    expect(await startsOf([], () => 100, 350)).toEqual([0, 100, 200, 300])
  })

  test('does not delay the next start after a slow run', async () => {
    expect(await startsOf([30, 99, 60], () => 100, 350)).toEqual([0, 100, 200, 300])
  })

  test('skips the starts that a long run covers, and never overlaps itself', async () => {
    expect(await startsOf([250, 0, 100], () => 100, 650)).toEqual([0, 300, 400, 600])
  })

  test('accepts an interval that changes between two starts', async () => {
    const intervals = [100, 50, 200]
    expect(await startsOf([], () => intervals.shift() ?? 1000, 400)).toEqual([0, 100, 150, 350])
  })

  test('runs nothing when stopped before, and ends at once when stopped', async () => {
    const task = vi.fn(async () => undefined)
    await repeat(() => 100, task, AbortSignal.abort())
    expect(task).not.toHaveBeenCalled()
    const stop = new AbortController()
    const repeating = repeat(() => 1e12, task, stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    stop.abort()
    await repeating
    expect(task).toHaveBeenCalledOnce()
  })
})
