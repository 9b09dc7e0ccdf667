import { temporaryDirectory } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { divide, fileReader, parseNumber, parseTable, subtract } from './kernel-files.ts'

test('a file that cannot be read says nothing', () => {
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
  ['max\n', undefined],
  ['-1\n', undefined],
  ['3 4\n', undefined],
  ['\n', undefined],
  ['', undefined],
  [undefined, undefined],
])('the number in %j is %s', (text, number) => {
  expect(parseNumber(text)).toBe(number)
})

test('of a table, lines that are none are left out', () => {
  const table = parseTable('user 12\nsystem 0\n\nodd\nmore than one 3\nnegative -1\ninactive_last 8\nlast 7')
  const names = ['user', 'system', 'odd', 'more', 'more than one', 'negative', 'last', 'absent']
  expect(names.map(table)).toEqual([12, 0, undefined, undefined, 3, undefined, 7, undefined])
  expect([parseTable('garbage')('garbage'), parseTable(undefined)('user')]).toEqual([undefined, undefined])
})

test('nothing stays nothing in other units', () => {
  expect([divide(1500, 1000), divide(0, 1000), divide(undefined, 1000)]).toEqual([1.5, 0, undefined])
})

test('a part is taken away where it is known, and never more than there is', () => {
  expect([subtract(10, 4), subtract(4, 10), subtract(10, undefined), subtract(undefined, 4)]).toEqual([
    6,
    0,
    10,
    undefined,
  ])
})
