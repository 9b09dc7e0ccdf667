import { expect, test } from 'vitest'
import { captured } from '../../test/fixtures.ts'
import { shapeOf } from '../changes/container-spec.ts'
import { createHistory } from './event-history.ts'

const shape = shapeOf(captured().container('plain'), (text) => text)

test('everything is told from the first beginning on, however often the stream is read anew', () => {
  const history = createHistory()
  expect(history.begin(5)).toBe(5)
  expect(history.begin(9)).toBe(5)
})

test('a container is known from the first look on, and what is noted of it stays', () => {
  const history = createHistory()
  history.container('a').killedAt = 1
  expect(history.container('a').killedAt).toBe(1)
  expect(history.container('b')).toEqual({ outOfMemory: false, told: {} })
  expect(history.ids()).toEqual(['a', 'b'])
})

test('a removed container is forgotten, and does not come back when it is told of again', () => {
  const history = createHistory()
  history.container('a').killedAt = 1
  history.remove('a')
  expect(history.isRemoved('a')).toBe(true)
  expect(history.container('a').killedAt).toBeUndefined()
  expect(history.ids()).toEqual([])
  expect(history.isRemoved('b')).toBe(false)
})

test('a place keeps the shape of the container that took it last', () => {
  const history = createHistory()
  expect(history.shapeIn('name/plain')).toBeUndefined()
  history.keepShape('name/plain', shape)
  history.keepShape('name/plain', { ...shape, image: 'other:1' })
  expect(history.shapeIn('name/plain')?.image).toBe('other:1')
})

test('an engine that makes containers without end costs no memory without end: the oldest are dropped', () => {
  const history = createHistory()
  for (let number = 0; number < 30_000; number += 1) {
    history.container(`${number}`)
    history.keepShape(`name/${number}`, shape)
    history.remove(`removed ${number}`)
  }
  const known = history.ids()
  expect(known.length).toBeGreaterThanOrEqual(5000)
  expect(known.length).toBeLessThan(20_000)
  expect(known.at(-1)).toBe('29999')
  expect(history.shapeIn('name/0')).toBeUndefined()
  expect(history.shapeIn('name/29999')).toBe(shape)
  expect(history.isRemoved('removed 0')).toBe(false)
  expect(history.isRemoved('removed 29999')).toBe(true)
})

test('what is looked at again is not the oldest', () => {
  const history = createHistory()
  history.keepShape('kept', shape)
  for (let number = 0; number < 30_000; number += 1) {
    history.keepShape(`name/${number}`, shape)
    if (number % 1000 === 0) history.keepShape('kept', shape)
  }
  expect(history.shapeIn('kept')).toBe(shape)
})
