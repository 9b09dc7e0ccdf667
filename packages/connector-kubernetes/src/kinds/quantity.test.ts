import { expect, test } from 'vitest'
import { quantities, quantity } from './quantity.ts'

test.each([
  ['100m', 0.1],
  ['1', 1],
  ['0', 0],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1Gi', 2 ** 30],
  ['128974848', 128_974_848],
  ['129e6', 129e6],
  ['1E3', 1000],
  ['1E', 1e18],
  ['5k', 5000],
  ['-2', -2],
  ['300m', 0.3],
  ['12345678n', 0.012345678],
  ['3u', 0.000003],
  [7, 7],
])('quantity reads %s', (text, expected) => {
  expect(quantity(text)).toBe(expected)
})

test.each(['', 'x', '1 Gi', '1Kb', 'e3', Number.NaN, null, undefined, {}])(
  'quantity returns undefined for %s',
  (text) => {
    expect(quantity(text)).toBeUndefined()
  },
)

test('quantities leaves out invalid ones', () => {
  expect(quantities({ cpu: '1', memory: 'much' })).toEqual({ cpu: 1 })
  expect(quantities('none')).toEqual({})
})
