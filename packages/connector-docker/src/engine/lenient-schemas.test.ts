import { describe, expect, test } from 'vitest'
import { flag, moment, number, positive, record, text, texts } from './lenient-schemas.ts'

const odd = [undefined, null, '', 7, true, 'a text', [], ['a', 1, null], {}, { a: 'b', c: 1, d: null }] as const

describe('lenient schemas', () => {
  test.each([
    ['text', text, odd.map((value) => (value === 'a text' ? value : undefined))],
    ['number', number, odd.map((value) => (value === 7 ? value : undefined))],
    ['flag', flag, odd.map((value) => (value === true ? value : undefined))],
    ['texts', texts, odd.map((value) => (Array.isArray(value) && value.length > 0 ? ['a'] : []))],
    ['record', record, odd.map((value) => (value === odd.at(-1) ? { a: 'b' } : {}))],
  ])('parse any value: %s', (_name, schema, expected) => {
    expect(odd.map((value) => schema.parse(value))).toEqual(expected)
  })

  test('drop infinite and NaN numbers', () => {
    expect(number.parse(Number.NaN)).toBeUndefined()
    expect(number.parse(Number.POSITIVE_INFINITY)).toBeUndefined()
  })
})

test('moment and positive map the year 1, and numbers up to 0, to undefined', () => {
  expect([moment('0001-01-01T00:00:00Z'), moment(undefined), moment('2026-11-24T23:21:50.6Z')]).toEqual([
    undefined,
    undefined,
    '2026-11-24T23:21:50.6Z',
  ])
  expect([positive(0), positive(-1), positive(undefined), positive(3)]).toEqual([undefined, undefined, undefined, 3])
})
