import { expect, test } from 'vitest'
import { fullJitter } from '../backoff.ts'
import { type Duration, toMilliseconds } from './duration.ts'

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['15s', 15_000],
  ['10m', 600_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
] as const)('%s is %d ms', (text, milliseconds) => {
  expect(toMilliseconds(text)).toBe(milliseconds)
})

test.each(['', '5', '1.5s', '-1s', '5 s', '5S', '1w', '5s ', `${'9'.repeat(200)}s`, undefined, null, 5])(
  '%j is no duration',
  (text) => {
    expect(() => toMilliseconds(text as Duration)).toThrow(TypeError)
  },
)

test('a wait after failures stays within its bounds, however many there were', () => {
  for (const failures of [1, 2, 10, 100, 5000]) {
    const wait = fullJitter(failures, { base: 1000, cap: 60_000 })
    expect(wait).toBeGreaterThanOrEqual(0)
    expect(wait).toBeLessThanOrEqual(Math.min(60_000, 1000 * 2 ** (failures - 1)))
  }
})
