import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { divide, fileReader, parseNumber, parseTable, subtract } from './kernel-files.ts'

describe('kernel files', () => {
  test('fileReader returns undefined for an unreadable file', () => {
    const root = temporaryDirectory()
    root.write('group/pids.current', '3\n')
    const read = fileReader(`${root.path}/group`)
    expect(read('pids.current')).toBe('3\n')
    expect(read('pids.max')).toBeUndefined()
    expect(fileReader(root.path)('group')).toBeUndefined()
  })

  test.each([
    ['3\n', 3],
    ['0\n', 0],
    ['9223372036854771712\n', Number(9_223_372_036_854_771_712n)],
    ['9223372036854775808\n', undefined],
    ['18446744073709551615\n', undefined],
    ['max\n', undefined],
    ['-1\n', undefined],
    ['3 4\n', undefined],
    ['\n', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('parseNumber reads %j as %s', (text, number) => {
    expect(parseNumber(text)).toBe(number)
  })

  test('parseTable ignores malformed lines', () => {
    const table = parseTable('user 12\nsystem 0\n\nodd\nmore than one 3\nnegative -1\ninactive_last 8\nlast 7')
    const names = ['user', 'system', 'odd', 'more', 'more than one', 'negative', 'last', 'absent']
    expect(names.map(table)).toEqual([12, 0, undefined, undefined, 3, undefined, 7, undefined])
    expect([parseTable('garbage')('garbage'), parseTable(undefined)('user')]).toEqual([undefined, undefined])
  })

  test('divide keeps undefined', () => {
    expect([divide(1500, 1000), divide(0, 1000), divide(undefined, 1000)]).toEqual([1.5, 0, undefined])
  })

  test('subtract ignores an unknown part, and never returns a negative number', () => {
    expect([subtract(10, 4), subtract(4, 10), subtract(10, undefined), subtract(undefined, 4)]).toEqual([
      6,
      0,
      10,
      undefined,
    ])
  })
})
