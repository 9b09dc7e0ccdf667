import { expect, test } from 'vitest'
import { hostRoot } from '../../test/host-root.ts'
import { filesOf, numberIn, scaled, tableIn, without } from './kernel-files.ts'

test('a file that cannot be read says nothing', () => {
  const root = hostRoot()
  root.write('group/pids.current', '3\n')
  const read = filesOf(`${root.path}/group`)
  expect(read('pids.current')).toBe('3\n')
  expect(read('pids.max')).toBeUndefined()
  expect(filesOf(root.path)('group')).toBeUndefined()
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
  expect(numberIn(text)).toBe(number)
})

test('of a table, lines that are none are left out', () => {
  const table = tableIn('user 12\nsystem 0\n\nodd\nmore than one 3\nnegative -1\ninactive_last 8\nlast 7')
  const names = ['user', 'system', 'odd', 'more', 'more than one', 'negative', 'last', 'absent']
  expect(names.map(table)).toEqual([12, 0, undefined, undefined, 3, undefined, 7, undefined])
  expect([tableIn('garbage')('garbage'), tableIn(undefined)('user')]).toEqual([undefined, undefined])
})

test('nothing stays nothing in other units', () => {
  expect([scaled(1500, 1000), scaled(0, 1000), scaled(undefined, 1000)]).toEqual([1.5, 0, undefined])
})

test('a part is taken away where it is known, and never more than there is', () => {
  expect([without(10, 4), without(4, 10), without(10, undefined), without(undefined, 4)]).toEqual([6, 0, 10, undefined])
})
