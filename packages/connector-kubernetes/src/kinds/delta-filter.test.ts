import { metric } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { createNews, type ToldValues } from './delta-filter.ts'

const MINUTE = 60_000

/** Which places are told of values that are read at these times. */
function told(readings: readonly (readonly [at: number, ...values: (number | undefined)[]])[], random = 0) {
  let memory: ToldValues = new Map()
  return readings.map(([at, ...values]) => {
    const news = createNews(memory, new Date(at), () => random)
    memory = news.told
    const isNews = news.of('one')
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

test('a clock that is set back makes nothing old', () => {
  expect(
    told([
      [600 * MINUTE, 1],
      [MINUTE, 1],
      [2 * MINUTE, 1],
    ]),
  ).toEqual([[true], [true], [false]])
})

test('of another object all is news, and of one that was gone meanwhile', () => {
  const news = createNews(new Map(), new Date(0), () => 0)
  const twice = (uid: string) => [news.of(uid)(1), news.of(uid)(1)]
  for (const uid of ['one', 'other', 'third']) expect(twice(uid)).toEqual([true, false])
  news.forget('third')
  news.keepOnly(new Map([['other', {}]]))
  expect(['one', 'other', 'third'].map((uid) => twice(uid)[0])).toEqual([true, false, true])
})

test('what a round has told that fails is news again', () => {
  const before = createNews(new Map(), new Date(0), () => 0)
  before.of('one')(1)
  const failed = createNews(before.told, new Date(1), () => 0)
  expect([failed.of('one')(2), failed.of('other')(1)]).toEqual([true, true])
  const next = createNews(before.told, new Date(2), () => 0)
  expect([next.of('one')(2), next.of('other')(1)]).toEqual([true, true])
})

describe('points', () => {
  const waiting = metric({ name: 'waiting', unit: '1', kind: 'gauge', description: '', attributes: { reason: '' } })
  const limit = metric({ name: 'limit', unit: '1', kind: 'gauge', description: '', attributes: { reason: '' } })
  const of = (value: number | undefined, reason?: string, definition = waiting) =>
    definition.point(value, { type: 'a', id: 'b' }, { reason })
  type Point = ReturnType<typeof of>

  /** A round, with the object as it was before or as another one. */
  function rounds() {
    let memory: ToldValues = new Map()
    return (object: { readonly uid: string }, ...points: Point[]) => {
      const news = createNews(memory, new Date(0), () => 0)
      memory = news.told
      return news.isOld(object) ? 'old' : news.points(object, points)
    }
  }

  test('are looked at where the object is another one', () => {
    const round = rounds()
    const object = { uid: 'one' }
    expect(round(object, of(1))).toEqual([of(1)])
    expect(round(object, of(2))).toBe('old')
    expect(round({ ...object }, of(1))).toEqual([])
    expect(round({ ...object }, of(2))).toEqual([of(2)])
  })

  test('are news where the value, or what attributes say, is another than in their place before', () => {
    const round = rounds()
    const changed = () => ({ uid: 'one' })
    expect(round(changed(), of(1), of(1, 'ErrImagePull'))).toHaveLength(2)
    expect(round(changed(), of(1), of(1, 'ErrImagePull'))).toEqual([])
    expect(round(changed(), of(1), of(1, 'ImagePullBackOff'))).toEqual([of(1, 'ImagePullBackOff')])
    expect(round(changed(), of(2), undefined)).toEqual([of(2), undefined])
    expect(round(changed(), of(2), of(1, 'cpu', limit))).toEqual([of(1, 'cpu', limit)])
    expect(round(changed(), of(2), of(1, 'cpu'))).toEqual([of(1, 'cpu')])
  })

  test('that were gone are news when they come back', () => {
    const round = rounds()
    const changed = () => ({ uid: 'one' })
    round(changed(), of(1), of(5, 'memory'))
    expect(round(changed(), of(1))).toEqual([])
    expect(round(changed(), of(1), of(5, 'memory'))).toEqual([of(5, 'memory')])
  })
})
