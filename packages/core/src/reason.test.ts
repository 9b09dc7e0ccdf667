import { expect, test } from 'vitest'
import { RcaError } from './errors/rca-error.ts'
import { reasonOf } from './reason.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

test('causes say what an error leaves out', () => {
  expect(reasonOf(new TypeError('fetch failed', { cause: refused }))).toBe(
    'fetch failed: connect ECONNREFUSED 127.0.0.1:1',
  )
  expect(reasonOf(new Error('fetch failed', { cause: new AggregateError([refused, new Error('timeout')]) }))).toBe(
    'fetch failed: connect ECONNREFUSED 127.0.0.1:1; timeout',
  )
})

test('nothing is said twice, and core’s own errors say all in their message', () => {
  expect(reasonOf(new Error('open: no such file', { cause: new Error('no such file') }))).toBe('open: no such file')
  expect(reasonOf(new RcaError('RCA_X', 'what to do', { cause: refused }))).toBe('what to do')
})

test('a circle of causes ends', () => {
  const error = new Error('round')
  error.cause = new Error('and round', { cause: error })
  expect(reasonOf(error)).toContain('round')
})
