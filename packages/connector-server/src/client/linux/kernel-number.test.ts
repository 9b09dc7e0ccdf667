import { describe, expect, test } from 'vitest'
import { kernelNumber, numberAfter } from './kernel-number.ts'

test.each([
  ['12 kB', 12],
  [' 0', 0],
  ['', undefined],
  ['x', undefined],
  ['-5', undefined],
  ['18446744073709346016 kB', undefined],
])('kernelNumber reads `%s` as %s', (text, expected) => {
  expect(kernelNumber(text)).toBe(expected)
})

describe('numberAfter', () => {
  test('returns undefined, not 0, for a missing number', () => {
    expect(numberAfter('\noom_kill 3\n', '\noom_kill ')).toBe(3)
    expect(numberAfter('\npgfault 3\n', '\noom_kill ')).toBeUndefined()
    expect(numberAfter('\noom_kill x\n', '\noom_kill ')).toBeUndefined()
  })
})
