import { describe, expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { specOf } from '../changes/container-spec.ts'
import { createEventHistory } from './event-history.ts'

const spec = specOf(captured().container('plain'), (text) => text)

describe('EventHistory', () => {
  test('keeps the first start time, however often the stream is reopened', () => {
    const history = createEventHistory()
    expect(history.start(5)).toBe(5)
    expect(history.start(9)).toBe(5)
  })

  test('keeps the history of each container', () => {
    const history = createEventHistory()
    history.ofContainer('a').stopRequestedAt = 1
    expect(history.ofContainer('a').stopRequestedAt).toBe(1)
    expect(history.ofContainer('b')).toMatchObject({ oomKill: { isReported: false }, reported: {} })
    expect(history.ids()).toEqual(['a', 'b'])
  })

  test('drops a removed container, and does not restore it for a late event', () => {
    const history = createEventHistory()
    history.ofContainer('a').stopRequestedAt = 1
    history.remove('a')
    expect(history.isRemoved('a')).toBe(true)
    expect(history.ofContainer('a').stopRequestedAt).toBeUndefined()
    expect(history.ids()).toEqual([])
    expect(history.isRemoved('b')).toBe(false)
  })

  test('keeps the spec of the last container in a slot', () => {
    const history = createEventHistory()
    expect(history.specIn('name/plain')).toBeUndefined()
    history.keepSpec('name/plain', spec)
    history.keepSpec('name/plain', { ...spec, image: 'other:1' })
    expect(history.specIn('name/plain')?.image).toBe('other:1')
  })

  test('drops the oldest entries beyond its limit', () => {
    const history = createEventHistory()
    for (let number = 0; number < 30_000; number += 1) {
      history.ofContainer(`${number}`)
      history.keepSpec(`name/${number}`, spec)
      history.remove(`removed ${number}`)
    }
    const known = history.ids()
    expect(known.length).toBeGreaterThanOrEqual(5000)
    expect(known.length).toBeLessThan(20_000)
    expect(known.at(-1)).toBe('29999')
    expect(history.specIn('name/0')).toBeUndefined()
    expect(history.specIn('name/29999')).toBe(spec)
    expect(history.isRemoved('removed 0')).toBe(false)
    expect(history.isRemoved('removed 29999')).toBe(true)
  })

  test('counts a spec that is written again as new', () => {
    const history = createEventHistory()
    history.keepSpec('kept', spec)
    for (let number = 0; number < 30_000; number += 1) {
      history.keepSpec(`name/${number}`, spec)
      if (number % 1000 === 0) history.keepSpec('kept', spec)
    }
    expect(history.specIn('kept')).toBe(spec)
  })

  test('is in a restart loop from the first counted exit until ten minutes without one', () => {
    const history = createEventHistory()
    const at = (seconds: number): Date => new Date(Date.UTC(2026, 10, 25) + seconds * 1000)
    history.ofContainer('a')
    const loops = [1, 2, 3, 4, 5].map((second) => {
      const sample = history.sampleExit('a', at(second))
      return [sample?.count, history.isInRestartLoop('a', at(second))]
    })
    expect(loops).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, false],
      [undefined, true],
    ])
    expect(history.isInRestartLoop('b', at(5))).toBe(false)
    expect(history.isInRestartLoop('a', at(605))).toBe(true)
    expect(history.isInRestartLoop('a', at(606))).toBe(false)
    expect(history.sampleExit('a', at(606))).toMatchObject({ count: 1, series: at(606).toISOString() })
    expect(history.isInRestartLoop('a', at(606))).toBe(false)
  })
})
