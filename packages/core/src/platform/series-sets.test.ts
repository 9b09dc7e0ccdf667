import { describe, expect, test } from 'vitest'
import type { Metric } from '../connector/signals.ts'
import {
  bySeriesSet,
  hashSeriesSet,
  MAX_SET_SERIES,
  type SeriesValues,
  seriesKeyOf,
  withSeriesValues,
} from './series-sets.ts'

function pointOf(name: string, rest: Partial<Metric> = {}): Metric {
  return { name, value: 1, unit: '1', kind: 'gauge', entity: { type: 'host', id: 'h' }, attributes: {}, ...rest }
}

const setOf = (...points: readonly Metric[]): string => hashSeriesSet(points.map(seriesKeyOf))
const divided = (points: readonly (Metric | SeriesValues)[]): string[] =>
  [...bySeriesSet(points)].map((set) => ('series_set' in set ? set.series_set : set.map(({ name }) => name).join()))
const disk = { entity: { type: 'disk', id: 'sda' } }

describe('a set of series', () => {
  test('holds the points of one entity and time that follow each other', () => {
    const at = '2026-11-22T12:00:00Z'
    const points = [pointOf('a'), pointOf('b'), pointOf('c', disk), pointOf('d', { ...disk, at }), pointOf('e')]
    expect(divided(points)).toEqual(['a,b', 'c', 'd', 'e'])
    expect(divided([])).toEqual([])
  })

  test('ends at values of another set', () => {
    const values = { series_set: 'x', values: [1] }
    expect(divided([pointOf('a'), pointOf('b'), values, values, pointOf('c')])).toEqual(['a,b', 'x', 'x', 'c'])
  })

  test('holds a limited number of series', () => {
    const points = Array.from({ length: MAX_SET_SERIES + 1 }, (_, number) => pointOf(`m${number}`))
    expect(divided(points).map((names) => names.split(',').length)).toEqual([MAX_SET_SERIES, 1])
  })

  test('has a hash of its series and their order, not of their values or of the order of attributes', () => {
    const one = pointOf('a', { attributes: { x: 1, y: 'z' } })
    const other = pointOf('b')
    expect(setOf(one, other)).toMatch(/^[\w-]{22}$/)
    expect(setOf({ ...one, value: 2, attributes: { y: 'z', x: 1 } }, other)).toBe(setOf(one, other))
    const different = [
      setOf(other, one),
      setOf(one),
      setOf(one, pointOf('c')),
      setOf(one, pointOf('b', { unit: 's' })),
      setOf(one, pointOf('b', { kind: 'counter' })),
      setOf(one, pointOf('b', disk)),
      setOf(pointOf('a', { attributes: { x: '1', y: 'z' } }), other),
    ]
    expect(new Set([setOf(one, other), ...different]).size).toBe(different.length + 1)
  })
})

test('points of known sets are replaced by their values', () => {
  const at = '2026-11-22T12:00:00Z'
  const points = [pointOf('a', { value: 3 }), pointOf('b', { value: 4 }), pointOf('c', { ...disk, at }), pointOf('d')]
  const known = new Set([setOf(pointOf('a'), pointOf('b')), setOf(pointOf('c', disk))])
  expect(withSeriesValues(points, (set) => known.has(set))).toEqual([
    { series_set: setOf(pointOf('a'), pointOf('b')), values: [3, 4] },
    { series_set: setOf(pointOf('c', disk)), values: [1], at },
    points[3],
  ])
  expect(withSeriesValues(points, () => false)).toEqual(points)
})
