import { describe, expect, test } from 'vitest'
import { cacheFor } from './read-cache.ts'

describe('cacheFor', () => {
  test('reads again when the time is up', async () => {
    let now = 0
    let reads = 0
    const read = cacheFor(
      100,
      async () => (reads += 1),
      () => now,
    )
    expect([await read(), await read()]).toEqual([1, 1])
    now = 99
    expect(await read()).toBe(1)
    now = 100
    expect(await read()).toBe(2)
  })

  test('shares one read between concurrent calls, and does not cache a failed read', async () => {
    let reads = 0
    const read = cacheFor(100, async () => {
      reads += 1
      if (reads === 1) throw new Error('cannot read the firmware')
      return reads
    })
    const first = await Promise.allSettled([read(), read()])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await read()).toBe(2)
  })
})
