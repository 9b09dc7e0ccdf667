import { expect, test } from 'vitest'
import { keepFresh } from './read-cache.ts'

test('a reading is kept for its time', async () => {
  let now = 0
  let reads = 0
  const read = keepFresh(
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

test('two that ask at once share one reading; a failed one is not kept', async () => {
  let reads = 0
  const read = keepFresh(100, async () => {
    reads += 1
    if (reads === 1) throw new Error('not now')
    return reads
  })
  const first = await Promise.allSettled([read(), read()])
  expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await read()).toBe(2)
})
