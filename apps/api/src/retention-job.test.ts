import type { FastifyBaseLogger } from 'fastify'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createRetentionJob } from './retention-job.ts'
import type { RetentionOutcome } from './store/store.ts'

const REMOVED: RetentionOutcome = { points: 1, series: 0, events: 0, entities: 0, reports: 0, agents: 0 }
const INTERVAL_MS = 600_000

function createJob(retain: (before: number, now: number) => Promise<RetentionOutcome>) {
  const log = { info: vi.fn(), error: vi.fn() }
  const store = { retain: vi.fn(retain) }
  const job = createRetentionJob({
    store,
    now: () => 5000,
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
    expect(store.retain.mock.calls).toEqual([[4000, 5000]])
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS)
    expect(store.retain).toHaveBeenCalledTimes(3)
    expect(log.info).toHaveBeenCalledWith({ removed: REMOVED }, 'retention applied')
    await job.stop()
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS)
    expect(store.retain).toHaveBeenCalledTimes(3)
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
    expect(log.error.mock.calls).toEqual([[{ err: failure }, 'retention failed: retrying at the next interval']])
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
})
