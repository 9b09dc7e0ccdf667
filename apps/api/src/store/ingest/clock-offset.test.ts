import { describe, expect, test } from 'vitest'
import { correctTime, findOffset, offsetOfOtherClock } from './clock-offset.ts'

const MINUTE = 60_000
const YEAR = 365 * 24 * 60 * MINUTE
const NOW = 1000 * YEAR

describe('the offset of a clock', () => {
  test.each([
    ['a correct clock', [-MINUTE, 0], 0, 0],
    ['a clock that is ahead within the tolerance', [-MINUTE, 5 * MINUTE], 0, 0],
    ['a clock that is ahead', [59 * MINUTE, 60 * MINUTE], 0, 60 * MINUTE],
    ['the same clock after a slower transfer', [60 * MINUTE - 20_000], 60 * MINUTE, 60 * MINUTE],
    ['a clock that was set back and is still ahead', [30 * MINUTE], 60 * MINUTE, 30 * MINUTE],
    ['a clock that was corrected', [0], 60 * MINUTE, 0],
    ['reports that waited in the outbox', [-90 * MINUTE, -60 * MINUTE], 0, 0],
    ['a clock that is a year behind', [-YEAR - MINUTE, -YEAR], 0, -YEAR],
    ['the same clock after a slower transfer', [-60 * MINUTE - 20_000], -60 * MINUTE, -60 * MINUTE],
    ['reports of the same clock that waited in the outbox', [-90 * MINUTE], -60 * MINUTE, -60 * MINUTE],
    ['a clock that was behind and was corrected', [-MINUTE], -60 * MINUTE, 0],
  ])('is found for %s', (_name, stated, before, offset) => {
    expect(
      findOffset(
        stated.map((time) => NOW + time),
        NOW,
        before,
      ),
    ).toBe(offset)
  })

  test('is found for a clock that is behind, by a heartbeat with an empty outbox', () => {
    expect(findOffset([NOW - 60 * MINUTE], NOW, 0, NOW - MINUTE)).toBe(-60 * MINUTE)
    // The report was made after the heartbeat, and waited.
    expect(findOffset([NOW - 60 * MINUTE], NOW, 0, NOW - 61 * MINUTE)).toBe(0)
  })

  test.each([
    ['correct, unlike the agent’s', 10 * MINUTE, -10 * MINUTE, 0],
    ['behind, unlike the agent’s', 0, -10 * MINUTE, 0],
    ['ahead, unlike the agent’s', 0, 10 * MINUTE, 10 * MINUTE],
    ['as far behind as the agent’s', -60 * MINUTE, 1_000, -60 * MINUTE + 1_000],
    ['correct, while the agent’s is behind', -60 * MINUTE, 60 * MINUTE, 0],
    ['as far ahead as the agent’s', 10 * MINUTE, 1_000, 10 * MINUTE + 1_000],
  ])('is found for another clock that is %s', (_name, agent, ahead, offset) => {
    expect(offsetOfOtherClock(agent, ahead)).toBe(offset)
  })

  test.each([
    ['before the arrival, from a clock that was correct then', -MINUTE, YEAR, -MINUTE],
    ['of a clock that is ahead', 59 * MINUTE, 60 * MINUTE, -MINUTE],
    ['before the arrival, of a clock that is ahead', -MINUTE, 60 * MINUTE, -61 * MINUTE],
    ['that is ahead within the tolerance', 4 * MINUTE, 0, 4 * MINUTE],
    ['that is too far ahead', 6 * MINUTE, 0, undefined],
  ])('is subtracted from a time %s', (_name, stated, offset, corrected) => {
    const time = correctTime(NOW + stated, offset, NOW)
    expect(time === undefined ? time : time - NOW).toBe(corrected)
  })
})
