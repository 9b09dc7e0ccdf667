import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reasonOf } from './error-reason.ts'
import { RcaError } from './rca-error.ts'

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

/** Errors of which something cannot be read, or is not what it should be. */
function hostile(): unknown[] {
  const objectMessage = new Error('x')
  objectMessage.message = { code: 5 } as never
  const throwing = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('no')
    },
  })
  const { proxy, revoke } = Proxy.revocable(new Error('x'), {})
  revoke()
  const noList = Object.assign(new AggregateError([], ''), { errors: 5 })
  return [objectMessage, throwing, proxy, noList, Object.create(null), Symbol('x'), () => undefined]
}

test('whatever is thrown, there is a reason, and it is a text', () => {
  for (const error of hostile()) {
    expect(typeof reasonOf(error)).toBe('string')
    expect(typeof reasonOf(new Error('outer', { cause: error }))).toBe('string')
  }
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), fc.anything(), (thrown, message) => {
      expect(typeof reasonOf(thrown)).toBe('string')
      expect(typeof reasonOf(Object.assign(new Error('x', { cause: thrown }), { message, name: thrown }))).toBe(
        'string',
      )
    }),
  )
})
