import { describe, expect, test } from 'vitest'
import { createSeriesSetCache } from './series-set-cache.ts'

describe('SeriesSetCache', () => {
  test('finds the sets of each agent until they are cleared', () => {
    const cache = createSeriesSetCache()
    cache.add(1, 'a', [10, 11])
    cache.add(2, 'a', [20])
    expect([cache.find(1, 'a'), cache.find(2, 'a'), cache.find(1, 'b')]).toEqual([[10, 11], [20], undefined])
    cache.clear()
    expect(cache.find(1, 'a')).toBeUndefined()
  })

  test('forgets the least recently used sets when it is full, large ones for many small ones', () => {
    // Two sets of one series have a weight of 52.
    const cache = createSeriesSetCache(60)
    cache.add(1, 'a', [1])
    cache.add(1, 'b', [2])
    cache.add(1, 'b', [2])
    cache.find(1, 'a')
    cache.add(1, 'c', [3])
    expect(['a', 'b', 'c'].map((set) => cache.find(1, set))).toEqual([[1], undefined, [3]])
    cache.add(1, 'd', [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    expect(['a', 'c', 'd'].map((set) => cache.find(1, set)?.length)).toEqual([undefined, undefined, 11])
  })
})
