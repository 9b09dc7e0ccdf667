import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reasonOf } from './error-reason.ts'
import { RcaError } from './rca-error.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

describe('reasonOf', () => {
  test('appends the messages of causes', () => {
    expect(reasonOf(new TypeError('fetch failed', { cause: refused }))).toBe(
      'fetch failed: connect ECONNREFUSED 127.0.0.1:1',
    )
    expect(reasonOf(new Error('fetch failed', { cause: new AggregateError([refused, new Error('timeout')]) }))).toBe(
      'fetch failed: connect ECONNREFUSED 127.0.0.1:1; timeout',
    )
  })

  test('omits a cause that the message repeats, and the causes of core’s own errors', () => {
    expect(reasonOf(new Error('open: no such file', { cause: new Error('no such file') }))).toBe('open: no such file')
    expect(reasonOf(new RcaError('RCA_X', 'what to do', { cause: refused }))).toBe('what to do')
  })

  test('stops at circular causes', () => {
    const error = new Error('outer')
    error.cause = new Error('inner', { cause: error })
    expect(reasonOf(error)).toContain('outer: inner')
  })

  /** Errors with properties that throw or have the wrong type. */
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

  test('returns a text for any thrown value', () => {
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
})
