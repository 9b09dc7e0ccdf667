import { metric } from '@rca/core'
import { expect, test } from 'vitest'
import { createNews, newPoints, type ToldValues } from './news.ts'

const MINUTE = 60_000

/** Which places are told of values that are read at these times. */
function told(readings: readonly (readonly [at: number, ...values: (number | undefined)[]])[], random = 0) {
  const memory: ToldValues = new Map()
  return readings.map(([at, ...values]) => {
    const isNews = createNews(memory, new Date(at), () => random).of('one')
    return values.map((value) => isNews(value))
  })
}

test('a value is told at first, and when it changes', () => {
  expect(
    told([
      [0, 1, 2],
      [MINUTE, 1, 3],
      [2 * MINUTE, 1, 3],
      [3 * MINUTE, undefined, 3],
      [4 * MINUTE, 1, 3],
    ]),
  ).toEqual([
    [true, true],
    [false, true],
    [false, false],
    [true, false],
    [true, false],
  ])
})

test('all are told every five minutes, the first time sooner', () => {
  const readings = Array.from({ length: 9 }, (_, minute) => [minute * MINUTE, 1] as const)
  const minutes = (random: number): number[] =>
    told(readings, random).flatMap(([isNews], minute) => (isNews === true ? [minute] : []))
  expect(minutes(0)).toEqual([0, 5])
  expect(minutes(0.4)).toEqual([0, 3, 8])
})

test('of another object all is news, and of one that was gone meanwhile', () => {
  const memory: ToldValues = new Map()
  const news = createNews(memory, new Date(0), () => 0)
  for (const uid of ['one', 'other'])
    expect([news.isDue(uid), news.of(uid)(1), news.isDue(uid)]).toEqual([true, true, false])
  news.keepOnly(new Map([['other', {}]]))
  expect(['one', 'other'].map((uid) => news.isDue(uid))).toEqual([true, false])
})

test('a point is news where its value or its attributes are others than those of the point in its place', () => {
  const waiting = metric({ name: 'waiting', unit: '1', kind: 'gauge', description: '', attributes: { reason: '' } })
  const of = (value: number | undefined, reason?: string) => waiting.point(value, { type: 'a', id: 'b' }, { reason })
  const memory: ToldValues = new Map()
  const round = (...points: ReturnType<typeof of>[]) =>
    newPoints(points, createNews(memory, new Date(0), () => 0).of('one'))
  const [first, second] = [of(1), of(1, 'ErrImagePull')]
  expect(round(first, second)).toEqual([first, second])
  expect(round(of(1), of(1, 'ErrImagePull'))).toEqual([])
  const backingOff = of(1, 'ImagePullBackOff')
  expect(round(of(1), backingOff)).toEqual([backingOff])
  expect(round(of(2), undefined)).toEqual([of(2), undefined])
  expect(round(of(2), backingOff)).toEqual([backingOff])
})
