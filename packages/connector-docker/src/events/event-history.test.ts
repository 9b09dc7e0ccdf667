import { expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { specOf } from '../changes/container-spec.ts'
import { createEventHistory } from './event-history.ts'

const shape = specOf(captured().container('plain'), (text) => text)

test('everything is told from the first beginning on, however often the stream is read anew', () => {
  const history = createEventHistory()
  expect(history.start(5)).toBe(5)
  expect(history.start(9)).toBe(5)
})

test('a container is known from the first look on, and what is noted of it stays', () => {
  const history = createEventHistory()
  history.ofContainer('a').stopRequestedAt = 1
  expect(history.ofContainer('a').stopRequestedAt).toBe(1)
  expect(history.ofContainer('b')).toEqual({ outOfMemory: false, reported: {} })
  expect(history.ids()).toEqual(['a', 'b'])
})

test('a removed container is forgotten, and does not come back when it is told of again', () => {
  const history = createEventHistory()
  history.ofContainer('a').stopRequestedAt = 1
  history.remove('a')
  expect(history.isRemoved('a')).toBe(true)
  expect(history.ofContainer('a').stopRequestedAt).toBeUndefined()
  expect(history.ids()).toEqual([])
  expect(history.isRemoved('b')).toBe(false)
})

test('a place keeps the shape of the container that took it last', () => {
  const history = createEventHistory()
  expect(history.specIn('name/plain')).toBeUndefined()
  history.keepSpec('name/plain', shape)
  history.keepSpec('name/plain', { ...shape, image: 'other:1' })
  expect(history.specIn('name/plain')?.image).toBe('other:1')
})

test('an engine that makes containers without end costs no memory without end: the oldest are dropped', () => {
  const history = createEventHistory()
  for (let number = 0; number < 30_000; number += 1) {
    history.ofContainer(`${number}`)
    history.keepSpec(`name/${number}`, shape)
    history.remove(`removed ${number}`)
  }
  const known = history.ids()
  expect(known.length).toBeGreaterThanOrEqual(5000)
  expect(known.length).toBeLessThan(20_000)
  expect(known.at(-1)).toBe('29999')
  expect(history.specIn('name/0')).toBeUndefined()
  expect(history.specIn('name/29999')).toBe(shape)
  expect(history.isRemoved('removed 0')).toBe(false)
  expect(history.isRemoved('removed 29999')).toBe(true)
})

test('what is looked at again is not the oldest', () => {
  const history = createEventHistory()
  history.keepSpec('kept', shape)
  for (let number = 0; number < 30_000; number += 1) {
    history.keepSpec(`name/${number}`, shape)
    if (number % 1000 === 0) history.keepSpec('kept', shape)
  }
  expect(history.specIn('kept')).toBe(shape)
})
