import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { collectGarbageRegularly } from './garbage-collection.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('collectGarbageRegularly', () => {
  test('collects everything and releases pages soon after the start, and then every ten minutes', () => {
    const collect = vi.fn<(options: NodeJS.GCOptions) => void>()
    const releasePages = vi.fn(async () => undefined)
    collectGarbageRegularly(collect, releasePages)
    expect(collect).not.toHaveBeenCalled()
    vi.advanceTimersByTime(20_000)
    expect(collect.mock.calls).toEqual([[{ type: 'major', flavor: 'last-resort' }]])
    vi.advanceTimersByTime(1_200_000)
    expect(collect).toHaveBeenCalledTimes(3)
    expect(releasePages).toHaveBeenCalledTimes(3)
  })

  test('does nothing in a Node without --expose-gc', () => {
    collectGarbageRegularly(undefined)
    expect(vi.getTimerCount()).toBe(0)
  })
})
