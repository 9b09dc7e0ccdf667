import { describe, expect, test } from 'vitest'
import { pointerTo, sentence } from './problem-error.ts'

describe('pointerTo', () => {
  test.each([
    [[], '#'],
    [['reports', 0, 'data'], '#/reports/0/data'],
    [['a/b', 'm~n', ' %"é'], '#/a~1b/m~0n/%20%25%22%C3%A9'],
    [['\ud800'], '#/%EF%BF%BD'],
  ])('encodes %j as %s', (path, pointer) => {
    expect(pointerTo(path)).toBe(pointer)
  })
})

describe('sentence', () => {
  test.each([
    ['It failed', 'It failed.'],
    ['It failed.', 'It failed.'],
    ['Did it?', 'Did it?'],
  ])('ends %j as %j', (text, ended) => {
    expect(sentence(text)).toBe(ended)
  })
})
