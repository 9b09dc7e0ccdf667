import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseJsonBody } from './json-parser.ts'

it.each([
  ['{"a": tru}', 'line 1, column 10 (position 9)'],
  ['{"a": 1,}', 'line 1, column 9 (position 8)'],
  ['{\n\n  b: 1}', 'line 3, column 3 (position 5)'],
  ['{\n "reports": [secret]}', 'line 2, column 14 (position 15)'],
  ['x', 'line 1, column 1 (position 0)'],
  ['{"a":', 'it ends too early'],
])('says where %j stops being JSON', (text, where) => {
  expect(() => parseJsonBody(text)).toThrow(where)
})

it('takes an empty body for none', () => {
  expect(parseJsonBody('')).toBeUndefined()
})

it('reads whatever JSON.parse reads, and repeats nothing of what it cannot read', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseJsonBody(text)).toEqual(JSON.parse(text))
    }),
  )
  expect(() => parseJsonBody('{"password": hunter2}')).toThrow(/^(?!.*hunter2)/)
})
