import { metric } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { createDeltaFilter, type SentValues } from './delta-filter.ts'

const MINUTE = 60_000

/** Returns which values are sent if they are read at these times. */
function sentOf(readings: readonly (readonly [at: number, ...values: (number | undefined)[]])[], random = 0) {
  let memory: SentValues = new Map()
  return readings.map(([at, ...values]) => {
    const filter = createDeltaFilter(memory, new Date(at), () => random)
    memory = filter.sent
    const isChanged = filter.valuesOf('one')
    return values.map((value) => isChanged(value))
  })
}

describe('valuesOf', () => {
  test('sends a value at first, and when it changes', () => {
    expect(
      sentOf([
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

  test('sends all values every five minutes, the first time earlier', () => {
    const readings = Array.from({ length: 9 }, (_, minute) => [minute * MINUTE, 1] as const)
    const minutes = (random: number): number[] =>
      sentOf(readings, random).flatMap(([isChanged], minute) => (isChanged === true ? [minute] : []))
    expect(minutes(0)).toEqual([0, 5])
    expect(minutes(0.4)).toEqual([0, 3, 8])
  })

  test('sends all values after the clock was set back', () => {
    expect(
      sentOf([
        [600 * MINUTE, 1],
        [MINUTE, 1],
        [2 * MINUTE, 1],
      ]),
    ).toEqual([[true], [true], [false]])
  })

  test('sends all values of a new object, and of one that was deleted meanwhile', () => {
    const filter = createDeltaFilter(new Map(), new Date(0), () => 0)
    const twice = (uid: string) => [filter.valuesOf(uid)(1), filter.valuesOf(uid)(1)]
    for (const uid of ['one', 'other', 'third']) expect(twice(uid)).toEqual([true, false])
    filter.forget('third')
    filter.retain(new Map([['other', {}]]))
    expect(['one', 'other', 'third'].map((uid) => twice(uid)[0])).toEqual([true, false, true])
  })

  test('sends values of a failed cycle again', () => {
    const before = createDeltaFilter(new Map(), new Date(0), () => 0)
    before.valuesOf('one')(1)
    const failed = createDeltaFilter(before.sent, new Date(1), () => 0)
    expect([failed.valuesOf('one')(2), failed.valuesOf('other')(1)]).toEqual([true, true])
    const next = createDeltaFilter(before.sent, new Date(2), () => 0)
    expect([next.valuesOf('one')(2), next.valuesOf('other')(1)]).toEqual([true, true])
  })
})

describe('changedPoints', () => {
  const waiting = metric({ name: 'waiting', unit: '1', kind: 'gauge', description: '', attributes: { reason: '' } })
  const limit = metric({ name: 'limit', unit: '1', kind: 'gauge', description: '', attributes: { reason: '' } })
  const of = (value: number | undefined, reason?: string, definition = waiting) =>
    definition.point(value, { type: 'a', id: 'b' }, { reason })
  type Point = ReturnType<typeof of>

  /** Runs cycles with the same object as before, or with another one. */
  function cycles() {
    let memory: SentValues = new Map()
    return (object: { readonly uid: string }, ...points: Point[]) => {
      const filter = createDeltaFilter(memory, new Date(0), () => 0)
      memory = filter.sent
      return filter.isUnchanged(object) ? 'unchanged' : filter.changedPoints(object, points)
    }
  }

  test('returns nothing for the same object', () => {
    const cycle = cycles()
    const object = { uid: 'one' }
    expect(cycle(object, of(1))).toEqual([of(1)])
    expect(cycle(object, of(2))).toBe('unchanged')
    expect(cycle({ ...object }, of(1))).toEqual([])
    expect(cycle({ ...object }, of(2))).toEqual([of(2)])
  })

  test('returns points whose value or attributes changed', () => {
    const cycle = cycles()
    const changed = () => ({ uid: 'one' })
    expect(cycle(changed(), of(1), of(1, 'ErrImagePull'))).toHaveLength(2)
    expect(cycle(changed(), of(1), of(1, 'ErrImagePull'))).toEqual([])
    expect(cycle(changed(), of(1), of(1, 'ImagePullBackOff'))).toEqual([of(1, 'ImagePullBackOff')])
    expect(cycle(changed(), of(2), undefined)).toEqual([of(2), undefined])
    expect(cycle(changed(), of(2), of(1, 'cpu', limit))).toEqual([of(1, 'cpu', limit)])
    expect(cycle(changed(), of(2), of(1, 'cpu'))).toEqual([of(1, 'cpu')])
  })

  test('returns points that come back', () => {
    const cycle = cycles()
    const changed = () => ({ uid: 'one' })
    cycle(changed(), of(1), of(5, 'memory'))
    expect(cycle(changed(), of(1))).toEqual([])
    expect(cycle(changed(), of(1), of(5, 'memory'))).toEqual([of(5, 'memory')])
  })
})
