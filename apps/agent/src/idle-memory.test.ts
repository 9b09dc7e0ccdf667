import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { releaseMemoryRegularly } from './idle-memory.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('releaseMemoryRegularly', () => {
  test('collects garbage and releases pages soon after the start, and then every ten minutes', () => {
    const collect = vi.fn<(options: NodeJS.GCOptions) => void>()
    const releasePages = vi.fn(async () => undefined)
    releaseMemoryRegularly(collect, releasePages)
    expect(collect).not.toHaveBeenCalled()
    vi.advanceTimersByTime(20_000)
    expect(collect.mock.calls).toEqual([[{ type: 'major', flavor: 'last-resort' }]])
    vi.advanceTimersByTime(1_200_000)
    expect(collect).toHaveBeenCalledTimes(3)
    expect(releasePages).toHaveBeenCalledTimes(3)
  })

  test('only releases pages in a Node without --expose-gc', () => {
    const releasePages = vi.fn(async () => undefined)
    releaseMemoryRegularly(undefined, releasePages)
    vi.advanceTimersByTime(620_000)
    expect(releasePages).toHaveBeenCalledTimes(2)
  })
})
