import { describe, expect, test } from 'vitest'
import {
  abortError,
  connectionError,
  KubernetesError,
  type RequestInfo,
  responseError,
  watchStatusError,
} from './errors.ts'

const request: RequestInfo = { address: 'https://10.96.0.1', verb: 'list', group: '', resource: 'pods' }

describe('connectionError', () => {
  test.each([
    ['ECONNREFUSED', ['No API server answers at https://10.96.0.1']],
    ['ENOTFOUND', ['DNS']],
    ['ETIMEDOUT', ['network policies']],
    ['ECONNRESET', ['restarted', 'listing pods']],
    ['ERR_TLS_CERT_ALTNAME_INVALID', ['another name']],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', ['not trusted', 'certificate-authority']],
    ['CERT_HAS_EXPIRED', ['not trusted', 'clock']],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', ['not trusted']],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', ['client certificate']],
    ['EOTHER', ['it failed']],
  ])('explains %s', (code, expected) => {
    const error = Object.assign(new Error('it failed'), { code })
    const explained = connectionError(request, error)
    for (const text of expected) expect(explained.message).toContain(text)
    expect(explained.cause).toBe(error)
  })

  test('accepts any thrown value, and returns a KubernetesError unchanged', () => {
    expect(connectionError(request, undefined).message).toContain('listing pods')
    const explained = new KubernetesError('explained')
    expect(connectionError(request, explained)).toBe(explained)
  })

  test('abortError explains a timeout, and returns the reason of a stop', () => {
    const reason = new DOMException('too late', 'TimeoutError')
    expect(abortError(request, AbortSignal.abort(reason))).toMatchObject({ reason: 'Timeout', cause: reason })
    expect(abortError(request, AbortSignal.abort('stopped'))).toBe('stopped')
  })
})

describe('responseError', () => {
  test.each([
    [401, ['rejected the credentials', 'expired']],
    [403, ['allow verb `list` on resource `pods` of API group `""` in a ClusterRole']],
    [410, ['too old']],
    [429, ['is overloaded']],
    [500, ['answered 500 while listing pods: the disk is full']],
  ])('explains status %i', (status, expected) => {
    const error = responseError(request, status, '{"reason":"Reason","message":"the disk is full"}')
    for (const text of expected) expect(error.message).toContain(text)
    expect(error).toMatchObject({ status, reason: 'Reason' })
  })

  test('names the path of a discovery request, since a rule cannot name a resource for it', () => {
    const error = responseError({ ...request, verb: 'get', resource: '', path: '/apis/apps/v1' }, 403, '')
    expect(error.message).toContain('`system:discovery`')
    expect(error.message).toContain('`/apis/apps/v1`')
    expect(error.permission).toBeUndefined()
  })

  test('accepts a body that is not JSON, and shortens a long one', () => {
    expect(responseError(request, 502, `<html>${'x'.repeat(9999)}`).message.length).toBeLessThan(500)
    expect(responseError(request, 502, '').message).toContain('no explanation')
    expect(watchStatusError(request, undefined)).toMatchObject({ status: 500 })
  })
})
