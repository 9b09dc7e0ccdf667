import { expect, test } from 'vitest'
import { spread } from './backoff.ts'

test('spreads a hundred agents that were asked to wait for 5 s', () => {
  const halves = Map.groupBy(
    Array.from({ length: 100 }, () => spread(5000)),
    (wait) => Math.floor(wait / 500),
  )
  expect(Math.max(...halves.keys())).toBeLessThan(10)
  for (const together of halves.values()) expect(together.length).toBeLessThan(50)
})
