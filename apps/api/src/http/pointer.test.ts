import { expect, it } from 'vitest'
import { pointerTo } from './pointer.ts'

it.each([
  [[], '#'],
  [['reports', 0, 'data'], '#/reports/0/data'],
  [['a/b', 'm~n', ' %"é'], '#/a~1b/m~0n/%20%25%22%C3%A9'],
  [['\ud800'], '#/%EF%BF%BD'],
])('%j is %s', (path, pointer) => {
  expect(pointerTo(path)).toBe(pointer)
})
