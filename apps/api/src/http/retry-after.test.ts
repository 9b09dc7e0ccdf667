import { describe, expect, test } from 'vitest'
import { createRetrySpread } from './retry-after.ts'

/** A spread of 50 callers a second, with a clock and random numbers of its own. */
function spreadOf(perSecond = 50) {
  const state = { now: 0, next: 0 }
  // Evenly distributed.
  const random = () => (state.next++ * 0.618) % 1
  return { state, spread: createRetrySpread(perSecond, () => state.now, random) }
}

/** Returns how many callers return in the busiest second. */
function busiest(waits: readonly number[]): number {
  return Math.max(...[...Map.groupBy(waits, (wait) => wait).values()].map((together) => together.length))
}

const times = (count: number, run: () => number): number[] => Array.from({ length: count }, run)

describe('Retry-After', () => {
  test('is never shorter than asked for, and a little longer without load', () => {
    const { spread } = spreadOf()
    const waits = times(20, () => spread(10))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(10)
    expect(Math.max(...waits)).toBeLessThanOrEqual(15)
    expect(new Set(waits).size).toBeGreaterThan(3)
  })

  test('spreads a hundred agents that are refused together', () => {
    const { spread } = spreadOf(64)
    expect(busiest(times(100, () => spread(5)))).toBeLessThan(60)
  })

  test('grows with the number of refusals, up to a minute', () => {
    const { spread } = spreadOf()
    const waits = times(2000, () => spread(5))
    expect(Math.max(...waits)).toBeGreaterThan(40)
    expect(busiest(waits)).toBeLessThan(240)
    const more = times(20_000, () => spread(5))
    expect(Math.max(...more)).toBeLessThanOrEqual(65)
  })

  test('remembers the load of the last seconds, and forgets it afterwards', () => {
    const { state, spread } = spreadOf()
    times(2000, () => spread(5))
    state.now += 12_000
    expect(Math.max(...times(20, () => spread(5)))).toBeGreaterThan(30)
    state.now += 25_000
    expect(Math.max(...times(20, () => spread(5)))).toBeLessThanOrEqual(8)
  })

  test('counts refusals for a limit of one caller for that one alone', () => {
    const { spread } = spreadOf()
    times(5000, () => spread(5, 'token 1'))
    expect(Math.max(...times(20, () => spread(5, 'token 1')))).toBeGreaterThan(30)
    expect(Math.max(...times(20, () => spread(5, 'token 2')))).toBeLessThanOrEqual(8)
    expect(Math.max(...times(20, () => spread(5)))).toBeLessThanOrEqual(8)
  })

  test('counts a bounded number of callers', () => {
    const { spread } = spreadOf()
    for (let caller = 0; caller < 5000; caller += 1) spread(5, `address ${caller}`)
    expect(Math.max(...times(5000, () => spread(5, 'address 4999')))).toBeLessThanOrEqual(8)
  })
})
