import type { FastifyBaseLogger } from 'fastify'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createIntegrityJob } from './integrity-job.ts'

beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
})

test('the database is checked after the start and every day, also after a failed check', async () => {
  const log = { info: vi.fn(), error: vi.fn() }
  const outcomes = [async () => [], async () => ['page 3 is never used'], async () => Promise.reject(new Error('busy'))]
  const findDamage = vi.fn(async () => (await outcomes.shift()?.()) ?? [])
  const job = createIntegrityJob({ store: { findDamage }, log: log as unknown as FastifyBaseLogger })
  job.start()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(log.info).toHaveBeenCalledWith('database checked')
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  expect(log.error.mock.calls).toEqual([
    [{ problems: ['page 3 is never used'] }, expect.stringContaining('damaged')],
    [{ err: expect.any(Error) }, expect.stringContaining('could not be checked')],
  ])
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect(findDamage).toHaveBeenCalledTimes(4)
  job.stop()
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  expect(findDamage).toHaveBeenCalledTimes(4)
})
