import { describe, expect, test } from 'vitest'
import { type Duration, toMilliseconds } from './duration.ts'

describe('toMilliseconds', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['15s', 15_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ] as const)('converts %s to %d ms', (text, milliseconds) => {
    expect(toMilliseconds(text)).toBe(milliseconds)
  })

  test.each(['', '5', '1.5s', '-1s', '5 s', '5S', '1w', '5s ', `${'9'.repeat(200)}s`, undefined, null, 5])(
    'rejects %j',
    (text) => {
      expect(() => toMilliseconds(text as Duration)).toThrow(TypeError)
    },
  )
})
