import { describe, expect, test } from 'vitest'
import { countEnd, type EndCount, endTelling } from './restart-loop.ts'

const begin = Date.parse('2026-11-25T00:00:00.000Z')
const minute = 60_000

/** Crashes at so many milliseconds after the first. */
function crashes(...after: readonly number[]): EndCount[] {
  let count: EndCount | undefined
  return after.map((milliseconds) => {
    count = countEnd(count, new Date(begin + milliseconds))
    return count
  })
}

describe('a restart loop', () => {
  test('three crashes are told in full, then their number whenever it has doubled', () => {
    const told = crashes(...Array.from({ length: 70 }, (_, index) => index * 1000)).map(endTelling)
    const told64 = Object.entries(told).flatMap(([index, telling]) =>
      telling === 'as a count' ? [Number(index) + 1] : [],
    )
    expect(told.slice(0, 3)).toEqual(['in full', 'in full', 'in full'])
    expect(told64).toEqual([4, 8, 16, 32, 64])
    expect(told.filter((telling) => telling === 'not at all')).toHaveLength(70 - 3 - 5)
  })

  test('goes on as long as no ten minutes pass between two crashes, and begins anew then', () => {
    expect(crashes(0, 9 * minute, 19 * minute, 29 * minute + 1, 30 * minute)).toEqual([
      { since: begin, last: begin, count: 1 },
      { since: begin, last: begin + 9 * minute, count: 2 },
      { since: begin, last: begin + 19 * minute, count: 3 },
      { since: begin + 29 * minute + 1, last: begin + 29 * minute + 1, count: 1 },
      { since: begin + 29 * minute + 1, last: begin + 30 * minute, count: 2 },
    ])
  })
})
