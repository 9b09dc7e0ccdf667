import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { forEachLimited } from './for-each-limited.ts'

describe('forEachLimited', () => {
  test('runs the task for every item', async () => {
    const done: number[] = []
    await forEachLimited([1, 2, 3, 4, 5], 2, async (item) => {
      await setImmediate()
      done.push(item)
    })
    expect(done).toEqual([1, 2, 3, 4, 5])
  })

  test('rejects with the first failure once every started task has ended', async () => {
    const done: number[] = []
    const failing = forEachLimited([1, 2, 3], 3, async (item) => {
      if (item === 1) throw new Error('first')
      await setImmediate()
      done.push(item)
    })
    await expect(failing).rejects.toThrow('first')
    expect(done).toEqual([2, 3])
  })

  test('resolves for an empty list', async () => {
    await forEachLimited([], 2, async () => {
      throw new Error('must not run')
    })
  })
})
