import Fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createEventLoopDelay, type EventLoopDelay, refuseWhenLate } from './event-loop-delay.ts'

/** A histogram of delays that the test fills, in milliseconds. */
function fakeHistogram() {
  let delays: number[] = []
  let isEnabled = false
  return {
    record: (...milliseconds: readonly number[]) =>
      void delays.push(...milliseconds.map((delay) => (delay + 10) * 1e6)),
    isEnabled: () => isEnabled,
    enable: () => {
      isEnabled = true
      return true
    },
    disable: () => {
      isEnabled = false
      return true
    },
    reset: () => {
      delays = []
    },
    get mean() {
      return delays.reduce((sum, delay) => sum + delay, 0) / delays.length
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('createEventLoopDelay', () => {
  test('counts no delay from before its start', () => {
    const histogram = fakeHistogram()
    const delay = createEventLoopDelay(histogram)
    histogram.record(5000)
    vi.advanceTimersByTime(5000)
    expect([delay.meanMs, histogram.isEnabled()]).toEqual([0, false])
    delay.start()
    expect(histogram.isEnabled()).toBe(true)
    vi.advanceTimersByTime(1000)
    expect(delay.meanMs).toBe(0)
  })

  test('is the mean of the last second', () => {
    const histogram = fakeHistogram()
    const delay = createEventLoopDelay(histogram)
    delay.start()
    histogram.record(4000, 2000)
    expect(delay.meanMs).toBe(0)
    vi.advanceTimersByTime(1000)
    expect(delay.meanMs).toBe(3000)
    histogram.record(1, 3)
    vi.advanceTimersByTime(1000)
    expect(delay.meanMs).toBe(2)
    vi.advanceTimersByTime(1000)
    expect(delay.meanMs).toBe(0)
  })

  test('ends without a timer, and can start again', () => {
    const histogram = fakeHistogram()
    const delay = createEventLoopDelay(histogram)
    delay.start()
    delay.start()
    expect(vi.getTimerCount()).toBe(1)
    histogram.record(3000)
    vi.advanceTimersByTime(1000)
    delay.stop()
    expect([delay.meanMs, histogram.isEnabled(), vi.getTimerCount()]).toEqual([0, false, 0])
    delay.start()
    expect(histogram.isEnabled()).toBe(true)
    delay.stop()
  })
})

describe('refuseWhenLate', () => {
  async function startApp(maxDelayMs: number, delay: EventLoopDelay) {
    const app = Fastify()
    onTestFinished(() => app.close())
    refuseWhenLate(app, maxDelayMs, delay)
    app.get('/healthz', { config: { access: 'public' } }, async () => 'ok')
    app.get('/agents', { config: { access: 'admin' } }, async () => 'ok')
    await app.listen({ host: '127.0.0.1', port: 0 })
    return async (url: string) => (await app.inject(url)).statusCode
  }

  test('refuses all but public requests above the limit', async () => {
    const delay = { start: vi.fn(), stop: vi.fn(), meanMs: 2000 }
    const statusOf = await startApp(2000, delay)
    expect(delay.start).toHaveBeenCalledOnce()
    expect(await statusOf('/agents')).toBe(200)
    delay.meanMs = 2001
    expect(await statusOf('/agents')).toBe(503)
    expect(await statusOf('/healthz')).toBe(200)
  })

  test('accepts requests at once, however late the event loop was before the server listened', async () => {
    const histogram = fakeHistogram()
    histogram.record(5000)
    const statusOf = await startApp(1, createEventLoopDelay(histogram))
    vi.advanceTimersByTime(1000)
    expect(await statusOf('/agents')).toBe(200)
    histogram.record(5000)
    vi.advanceTimersByTime(1000)
    expect(await statusOf('/agents')).toBe(503)
  })

  test('measures nothing without a limit', async () => {
    const delay = { start: vi.fn(), stop: vi.fn(), meanMs: 5000 }
    const statusOf = await startApp(0, delay)
    expect(delay.start).not.toHaveBeenCalled()
    expect(await statusOf('/agents')).toBe(200)
  })
})
