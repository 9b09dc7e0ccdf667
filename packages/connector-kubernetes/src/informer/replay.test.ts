import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { replayed } from './replay.ts'

const many = Array.from({ length: 1000 }, (_, index) => index)

/** Takes some of them so long that they are no matter of one turn. */
function* slowly(): Iterable<number> {
  for (const one of many) {
    const begun = performance.now()
    while (performance.now() - begun < 0.02);
    yield one
  }
}

test('tells of what is there in slices, and of what happens meanwhile after it', async () => {
  const told: number[] = []
  const { take } = replayed(slowly(), (change) => told.push(change))
  expect(told.length).toBeLessThan(1000)
  take(1000)
  while (told.length < 1001) await setImmediate()
  take(1001)
  expect(told).toEqual([...many, 1000, 1001])
})

test('tells of nothing more once it is stopped', async () => {
  const told: number[] = []
  const { stop } = replayed(slowly(), (change) => told.push(change))
  stop()
  const before = told.length
  for (let turns = 0; turns < 10; turns += 1) await setImmediate()
  expect(told).toHaveLength(before)
})

test('tells at once where there was nothing', () => {
  const told: string[] = []
  replayed<string>([], (change) => told.push(change)).take('now')
  expect(told).toEqual(['now'])
})
