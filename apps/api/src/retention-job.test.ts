import type { FastifyBaseLogger } from 'fastify'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createRetentionJob } from './retention-job.ts'
import type { RetentionOutcome, Store } from './store/store.ts'

const REMOVED: RetentionOutcome = { points: 1, series: 0, events: 0, entities: 0, reports: 0, agents: 0 }
const INTERVAL_MS = 600_000

interface Clocks {
  time: number
  uptime: number
}

function createJob(
  retain: (before: number, now: number) => Promise<RetentionOutcome>,
  {
    clocks = { time: 5000, uptime: 0 },
    lastSeenAt,
    pack = async () => 0,
  }: { clocks?: Clocks; lastSeenAt?: number; pack?: Store['pack'] } = {},
) {
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const store = { retain: vi.fn(retain), pack: vi.fn(pack), lastSeenAt: async () => lastSeenAt }
  const job = createRetentionJob({
    store,
    now: () => clocks.time,
    uptime: () => clocks.uptime,
    retentionMs: 1000,
    log: log as unknown as FastifyBaseLogger,
  })
  onTestFinished(() => job.stop())
  return { job, store, log }
}

beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
})

describe('RetentionJob', () => {
  test('runs at the start and every ten minutes until it is stopped', async () => {
    const { job, store, log } = createJob(async () => REMOVED)
    job.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(store.retain.mock.calls).toEqual([[4000, 5000]])
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS)
    expect(store.retain).toHaveBeenCalledTimes(3)
    expect(log.info).toHaveBeenCalledWith({ removed: REMOVED }, 'retention applied')
    await job.stop()
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS)
    expect(store.retain).toHaveBeenCalledTimes(3)
  })

  test('packs points after each run, and ends that when it is stopped', async () => {
    const pack = (_now: number, signal: AbortSignal): Promise<number> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(7)))
    const { job, store, log } = createJob(async () => REMOVED, { pack })
    job.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(store.pack).toHaveBeenCalledWith(5000, expect.any(AbortSignal))
    await job.stop()
    expect(log.info).toHaveBeenLastCalledWith({ points: 7 }, 'points packed')
  })

  test('logs a failed run and retries at the next interval', async () => {
    const failure = new Error('disk full')
    let runs = 0
    const { job, log } = createJob(async () => {
      runs += 1
      if (runs === 1) throw failure
      return REMOVED
    })
    job.start()
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    expect(log.error.mock.calls).toEqual([
      [{ err: failure }, 'retention or packing failed: retrying at the next interval'],
    ])
    expect(log.info).toHaveBeenCalledTimes(1)
  })

  test('joins the current run, and waits for it when stopped', async () => {
    const pending = Promise.withResolvers<RetentionOutcome>()
    const { job, store } = createJob(() => pending.promise)
    const runs = [job.run(), job.run()]
    let stopped = false
    const stop = job.stop().then(() => {
      stopped = true
    })
    await vi.advanceTimersByTimeAsync(1)
    expect([store.retain.mock.calls.length, stopped]).toEqual([1, false])
    pending.resolve(REMOVED)
    await Promise.all([...runs, stop])
    expect(stopped).toBe(true)
  })

  test.each([
    ['while the API runs', 5000],
    ['before the start', 5000 - 8 * 86_400_000],
  ])('waits for a day after the clock was set forward %s', async (_when, lastSeenAt) => {
    const clocks = { time: 5000, uptime: 1 }
    const { job, store, log } = createJob(async () => REMOVED, { clocks, lastSeenAt })
    const pass = async (time: number, uptime: number) => {
      clocks.time += time
      clocks.uptime += uptime
      await job.run()
      return store.retain.mock.calls.length
    }
    if (lastSeenAt === 5000) {
      expect(await pass(0, 0)).toBe(1)
      expect(await pass(INTERVAL_MS, INTERVAL_MS)).toBe(2)
      expect(await pass(365 * 86_400_000, INTERVAL_MS)).toBe(2)
      expect(log.warn).toHaveBeenCalledWith(expect.anything(), 'retention waits: the clock was set forward')
      // Set back again.
      expect(await pass(-365 * 86_400_000 + 2 * INTERVAL_MS, INTERVAL_MS)).toBe(3)
      await pass(8 * 86_400_000, INTERVAL_MS)
    } else await pass(0, 0)
    const runs = store.retain.mock.calls.length
    expect(await pass(86_399_999, 86_399_999)).toBe(runs)
    expect(await pass(1, 1)).toBe(runs + 1)
    expect(await pass(INTERVAL_MS, INTERVAL_MS)).toBe(runs + 2)
  })
})
