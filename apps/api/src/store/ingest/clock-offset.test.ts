import { expect, it } from 'vitest'
import { correctTime, findOffset } from './clock-offset.ts'

const MINUTE = 60_000
const YEAR = 365 * 24 * 60 * MINUTE
const NOW = 1000 * YEAR

it.each([
  ['a clock that is right', [-MINUTE, 0], 0, 0],
  ['a clock that is a little ahead', [-MINUTE, 5 * MINUTE], 0, 0],
  ['a clock that is ahead', [59 * MINUTE, 60 * MINUTE], 0, 60 * MINUTE],
  ['the same clock, some seconds slower on the way', [60 * MINUTE - 20_000], 60 * MINUTE, 60 * MINUTE],
  ['a clock that has since been set back, and is still ahead', [30 * MINUTE], 60 * MINUTE, 30 * MINUTE],
  ['a clock that has since been set right', [0], 60 * MINUTE, 0],
])('finds the offset of %s', (_name, stated, before, offset) => {
  expect(
    findOffset(
      stated.map((time) => NOW + time),
      NOW,
      before,
    ),
  ).toBe(offset)
})

it.each([
  ['before its arrival by a clock that was right then', -MINUTE, YEAR, -MINUTE],
  ['by a clock that is ahead', 59 * MINUTE, 60 * MINUTE, -MINUTE],
  ['before its arrival by a clock that is ahead', -MINUTE, 60 * MINUTE, -61 * MINUTE],
  ['a little ahead', 4 * MINUTE, 0, 4 * MINUTE],
  ['too far ahead', 6 * MINUTE, 0, undefined],
])('corrects what is dated %s', (_name, stated, offset, corrected) => {
  const time = correctTime(NOW + stated, offset, NOW)
  expect(time === undefined ? time : time - NOW).toBe(corrected)
})
