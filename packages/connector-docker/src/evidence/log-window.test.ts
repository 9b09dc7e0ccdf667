import { describe, expect, test } from 'vitest'
import { logWindow, type RunTimes } from './log-window.ts'

const run: RunTimes = { startedAt: 10_000, endedAt: 20_000, endedBefore: undefined, isFollowed: false }

describe('the log of a run', () => {
  test('begins a little before the engine noticed its start', () => {
    expect(logWindow(run).since).toBeLessThan(10_000)
    expect(logWindow(run).since).toBeGreaterThan(5_000)
  })

  test('begins where the run before ended, however shortly before', () => {
    expect(logWindow({ ...run, endedBefore: 9_990 }).since).toBe(9_991)
    expect(logWindow({ ...run, startedAt: undefined, endedBefore: 9_990 }).since).toBe(9_991)
  })

  test('begins anywhere where nothing is known', () => {
    expect(logWindow({ ...run, startedAt: undefined }).since).toBeUndefined()
  })

  test('ends a little after its end, and at its end where the next run writes into the same log', () => {
    expect(logWindow(run).until).toBeGreaterThan(20_500)
    expect(logWindow({ ...run, isFollowed: true }).until).toBe(20_001)
  })
})
