import { runToEnd } from '@rca/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJsonBody as parseBody } from './json-body.ts'

const parseJsonBody = (text: string): unknown => runToEnd(parseBody(Buffer.from(text)))

describe('parseJsonBody', () => {
  test.each([
    ['{"a": tru}', 'line 1, column 10 (position 9)'],
    ['{"a": 1,}', 'line 1, column 9 (position 8)'],
    ['{\n\n  b: 1}', 'line 3, column 3 (position 5)'],
    ['{\n "reports": [secret]}', 'line 2, column 14 (position 15)'],
    ['x', 'line 1, column 1 (position 0)'],
    ['{"a":', 'it is incomplete'],
  ])('reports the position of the error in %j', (text, where) => {
    expect(() => parseJsonBody(text)).toThrow(where)
  })

  test('parses an empty body as `undefined`', () => {
    expect(parseJsonBody('')).toBeUndefined()
  })

  test('parses the same texts as JSON.parse, and quotes no text in errors', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        // This name is refused, see below.
        fc.pre(!text.includes('__proto__'))
        expect(parseJsonBody(text)).toEqual(JSON.parse(text))
      }),
    )
    expect(() => parseJsonBody('{"password": hunter2}')).toThrow(/^(?!.*hunter2)/)
  })

  test('reports no line for an error far into a long text', () => {
    expect(() => parseJsonBody(`{${'\n'.repeat(2 ** 24)}?`)).toThrow(
      /^The body is not valid JSON(?:: position \d+ is unexpected)?\.$/,
    )
    expect(() => parseJsonBody(`[${'1,\n'.repeat(2 ** 16)} x1]`)).toThrow(
      /not valid JSON(?:: position \d+ is unexpected)?\.$/,
    )
  })

  test('refuses deep nesting before parsing', () => {
    const nested = (levels: number, inner = '') => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`
    expect(parseJsonBody(nested(64))).toEqual(JSON.parse(nested(64)))
    // The parser would report an incomplete text instead.
    expect(() => parseJsonBody('['.repeat(2 ** 24))).toThrow('more than 64 levels')
    expect(() => parseJsonBody('{"a":'.repeat(65))).toThrow('more than 64 levels')
    const text = JSON.stringify([
      `${'['.repeat(100)}\\"${'{'.repeat(100)}\\`,
      ...Array.from({ length: 100 }, () => [{}]),
    ])
    expect(parseJsonBody(text)).toEqual(JSON.parse(text))
  })

  test.each([
    ['{"a": {"__proto__": 1}}', ['#/a/__proto__']],
    [String.raw`{"a": {"\u005f_proto__": 1}}`, ['#/a/__proto__']],
    [
      String.raw`{"data": {"entities": [{"id": "a\ud800", "type": "t\udc00", "name": "\ud800"}]}}`,
      ['#/data/entities/0/id', '#/data/entities/0/type'],
    ],
    [String.raw`{"attributes": {"\ud83d": 1, "id": "\ud83d"}, "body": "\ud83d"}`, ['#/attributes/%EF%BF%BD']],
  ])('refuses names of %s that cannot be stored', (text, pointers) => {
    let errors: readonly { readonly pointer: string }[] = []
    try {
      parseJsonBody(text)
    } catch (error) {
      errors = (error as { errors: typeof errors }).errors
    }
    expect(errors.map(({ pointer }) => pointer)).toEqual(pointers)
  })

  test('keeps surrogate pairs, escapes, and `__proto__` as a value', () => {
    const text = String.raw`{"id": "\ud83d\ude00", "type": "\u00e4", "name": "__proto__", "constructor": 1}`
    expect(parseJsonBody(text)).toEqual({ id: '😀', type: 'ä', name: '__proto__', constructor: 1 })
  })

  test.each(['x', '\\u0041', '\\"'])('yields within a long text of %s', (content) => {
    const task = parseBody(Buffer.from(`["${content.repeat(100_000 / content.length)}"]`))
    let turns = 0
    for (; task.next().done !== true; turns += 1);
    expect(turns).toBeGreaterThanOrEqual(5)
  })
})
