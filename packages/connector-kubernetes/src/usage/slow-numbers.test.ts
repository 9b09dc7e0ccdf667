import { expect, test } from 'vitest'
import { slowNumbers, type ToldNumbers } from './slow-numbers.ts'

const MINUTE = 60_000

/** What is told of numbers that are read at these times. */
function told(readings: readonly (readonly [at: number, ...values: (number | undefined)[]])[], random = 0) {
  const memory: ToldNumbers = new WeakMap()
  const object = {}
  return readings.map(([at, ...values]) => values.map(slowNumbers(memory, new Date(at), () => random)(object)))
}

test('a number is told at first, and when it changes', () => {
  expect(
    told([
      [0, 1, 2],
      [MINUTE, 1, 3],
      [2 * MINUTE, 1, 3],
      [3 * MINUTE, undefined, 3],
      [4 * MINUTE, 1, 3],
    ]),
  ).toEqual([
    [1, 2],
    [undefined, 3],
    [undefined, undefined],
    [undefined, undefined],
    [1, undefined],
  ])
})

test('all are told every five minutes, the first time sooner', () => {
  const readings = Array.from({ length: 9 }, (_, minute) => [minute * MINUTE, 1] as const)
  const minutes = (random: number): number[] =>
    told(readings, random).flatMap(([value], minute) => (value === undefined ? [] : [minute]))
  expect(minutes(0)).toEqual([0, 5])
  expect(minutes(0.4)).toEqual([0, 3, 8])
})

test('of another object all is news', () => {
  const memory: ToldNumbers = new WeakMap()
  for (const object of [{}, {}]) expect(slowNumbers(memory, new Date(0))(object)(1)).toBe(1)
})
