import { describe, expect, test } from 'vitest'
import { AgentTokenError } from './agent-token-error.ts'
import { ConfigError } from './config-error.ts'
import { ConnectorError } from './connector-error.ts'
import { PlatformError } from './platform-error.ts'
import { PlatformUrlError } from './platform-url-error.ts'
import { isRcaError, RcaError } from './rca-error.ts'
import { ShellQuotingError } from './shell-quoting-error.ts'
import { TimeoutError } from './timeout-error.ts'
import { UnknownTypeError } from './unknown-type-error.ts'

const errors = [
  [new AgentTokenError('is empty'), 'AgentTokenError', 'RCA_AGENT_TOKEN_INVALID', false],
  [new ConfigError('docker', []), 'ConfigError', 'RCA_CONFIG_INVALID', false],
  [new ConnectorError('`docker`', 'it is broken.'), 'ConnectorError', 'RCA_CONNECTOR_INVALID', false],
  [new TimeoutError('it', 1500), 'TimeoutError', 'RCA_TIMEOUT', true],
  [new PlatformError('No.', { retryable: true }), 'PlatformError', 'RCA_PLATFORM_CALL_FAILED', true],
  [new PlatformUrlError('is empty'), 'PlatformUrlError', 'RCA_PLATFORM_URL_INVALID', false],
  [new ShellQuotingError('`image`', 'is empty'), 'ShellQuotingError', 'RCA_SHELL_WORD_INVALID', false],
  [new UnknownTypeError('x', []), 'UnknownTypeError', 'RCA_TYPE_UNKNOWN', false],
] as const

describe('RcaError', () => {
  test.each(errors)('%s has a name, a stable code and `retryable`', (error, name, code, retryable) => {
    expect(error).toBeInstanceOf(RcaError)
    expect(error.name).toBe(name)
    expect(error.code).toBe(code)
    expect(error.retryable).toBe(retryable)
    expect(isRcaError(error)).toBe(true)
  })
})

describe('isRcaError', () => {
  test('recognises an error of another copy of core by its code', () => {
    expect(isRcaError(Object.assign(new Error('x'), { code: 'RCA_CONFIG_INVALID' }))).toBe(true)
  })

  test.each([new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), { code: 'RCA_X' }, undefined, 'RCA_X'])(
    'returns false for %s',
    (value) => {
      expect(isRcaError(value)).toBe(false)
    },
  )
})

describe('ConnectorError', () => {
  test('keeps a cause, and has no `cause` without one', () => {
    const cause = new Error('inner')
    expect(new ConnectorError('`docker`', 'it is broken.', cause).cause).toBe(cause)
    expect('cause' in new ConnectorError('`docker`', 'it is broken.')).toBe(false)
  })
})

describe('UnknownTypeError', () => {
  test('names the supported types and a suggestion', () => {
    const error = new UnknownTypeError('dokcer', ['docker', 'server'], 'docker')
    expect(error.message).toContain('Did you mean `docker`? Supported: `docker`, `server`.')
    expect(error.supportedTypes).toEqual(['docker', 'server'])
    expect(new UnknownTypeError('x', []).message).toContain('No connector is installed.')
  })
})

describe('PlatformError', () => {
  test.each([
    [401, true],
    [403, true],
    [500, false],
    [undefined, false],
  ])('reports a refused token for status %s: %j', (status, refused) => {
    const error = new PlatformError('No.', { retryable: true, ...(status === undefined ? {} : { status }) })
    expect(error.refusedToken).toBe(refused)
  })
})

describe('ConfigError', () => {
  test('lists every issue with its path', () => {
    const error = new ConfigError('docker', [
      { path: ['registry', 0, 'password'], message: 'is empty.' },
      { path: ['depth'], message: 'Too small.' },
      { path: [], message: 'The options contradict each other.' },
    ])
    expect(error.message).toBe(
      'The configuration of the `docker` agent is not valid. `registry.0.password` is empty. `depth`: Too small. The options contradict each other.',
    )
  })
})
