import { describe, expect, test } from 'vitest'
import { KubernetesError } from './errors.ts'
import { explainAbort, explainAnswer, explainFailure, explainStatus, type Question } from './explain-failure.ts'

const question: Question = { address: 'https://10.96.0.1', verb: 'list', group: '', resource: 'pods' }

describe('no answer', () => {
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
  ])('%s', (code, expected) => {
    const error = Object.assign(new Error('it failed'), { code })
    const explained = explainFailure(question, error)
    for (const text of expected) expect(explained.message).toContain(text)
    expect(explained.cause).toBe(error)
  })

  test('is told of whatever was thrown, and once', () => {
    expect(explainFailure(question, undefined).message).toContain('listing pods')
    const told = new KubernetesError('told')
    expect(explainFailure(question, told)).toBe(told)
  })

  test('because time ran out, or because the agent stops', () => {
    const reason = new DOMException('too late', 'TimeoutError')
    expect(explainAbort(question, AbortSignal.abort(reason))).toMatchObject({ reason: 'Timeout', cause: reason })
    expect(explainAbort(question, AbortSignal.abort('stopped'))).toBe('stopped')
  })
})

describe('an answer that refuses', () => {
  test.each([
    [401, ['does not know who asks', 'expired']],
    [403, ['allow verb `list` on resource `pods` of API group `""` in a ClusterRole']],
    [410, ['too old']],
    [429, ['too much to do']],
    [500, ['answered 500 while listing pods: the disk is full']],
  ])('%i', (status, expected) => {
    const error = explainAnswer(question, status, '{"reason":"Reason","message":"the disk is full"}')
    for (const text of expected) expect(error.message).toContain(text)
    expect(error).toMatchObject({ status, reason: 'Reason' })
  })

  test('to say what there is names the path, since no rule can name a resource for it', () => {
    const error = explainAnswer({ ...question, verb: 'get', resource: '', path: '/apis/apps/v1' }, 403, '')
    expect(error.message).toContain('`system:discovery`')
    expect(error.message).toContain('`/apis/apps/v1`')
    expect(error.permission).toBeUndefined()
  })

  test('may be no JSON, and long', () => {
    expect(explainAnswer(question, 502, `<html>${'x'.repeat(9999)}`).message.length).toBeLessThan(500)
    expect(explainAnswer(question, 502, '').message).toContain('no explanation')
    expect(explainStatus(question, undefined)).toMatchObject({ status: 500 })
  })
})
