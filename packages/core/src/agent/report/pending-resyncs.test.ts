import { expect, test } from 'vitest'
import { createPendingResyncs } from './report-builder.ts'

test('what is owed is taken once', () => {
  const owed = createPendingResyncs()
  expect(owed.take('pods', 0)).toBe(false)
  owed.add(['pods', 'nodes'])
  expect(owed.take('pods', 1)).toBe(true)
  expect(owed.take('pods', 100_000)).toBe(false)
  expect(owed.take('nodes', 100_000)).toBe(true)
})

test('what is owed again is taken a minute later, however often reports get lost', () => {
  const owed = createPendingResyncs()
  owed.add(['pods'])
  expect(owed.take('pods', 0)).toBe(true)
  for (const now of [15_000, 30_000, 45_000, 59_999]) {
    owed.add(['pods'])
    expect(owed.take('pods', now)).toBe(false)
  }
  expect(owed.take('pods', 60_000)).toBe(true)
  expect(owed.take('pods', 120_000)).toBe(false)
})

test('of what is cleared nothing is owed', () => {
  const owed = createPendingResyncs()
  owed.add(['pods'])
  owed.clear()
  expect(owed.take('pods', 0)).toBe(false)
})
