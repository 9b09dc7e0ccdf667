import { describe, expect, test } from 'vitest'
import { redactSecrets } from './redact-secrets.ts'

describe('redactSecrets', () => {
  test.each([
    'DB_PASSWORD',
    'api_key',
    'GITHUB_TOKEN',
    'SENTRY_DSN',
    'Secret',
    'AUTH',
    'TLS_PRIVATE',
    'SESSION_COOKIE',
    'DB_PWD',
    'pw',
    'CARD_PIN_1',
    'spring.datasource.pwd',
    'WIFI_PSK',
    'JWT_OF_SHOP',
    'PASSPHRASE',
    'WEBHOOK_SIGNATURE',
  ])('redacts the value of %s', (name) => {
    expect(redactSecrets('password a=b/c% rejected', [`${name}=a=b/c%`])).toBe('password [redacted] rejected')
  })

  test('keeps the values of other variables, and values of less than six characters', () => {
    const text = 'listening on port 8080 in production, no TLS'
    expect(
      redactSecrets(text, [
        'MODE=production',
        'PINNED=production',
        'SPIN_PWDS=production',
        'PASSWORD=no',
        'KEY=8080',
        'TOKEN=',
        'TOKEN',
      ]),
    ).toBe(text)
  })

  test('redacts a value as a whole if another value is its prefix', () => {
    const environment = ['A_TOKEN=abcdef', 'B_TOKEN=abcdef-and-more']
    expect(redactSecrets('abcdef-and-more, abcdef', environment)).toBe('[redacted], [redacted]')
  })

  test.each([
    ['postgres://u:p4ssw0rd@h/db', 'p4ssw0rd'],
    ['postgres://u:p%40ss%2Fw0rd@h/db', 'p@ss/w0rd'],
    ['postgres://u:p%40ss%2Fw0rd@h/db', 'p%40ss%2Fw0rd'],
    ['redis://:100%p4ss@cache', '100%p4ss'],
    ['amqp://u:p4ss@w0rd@h', 'p4ss@w0rd'],
    ['http://u:first-1@a,http://u:second-2@b', 'second-2'],
  ])('redacts the password in %s: %s', (url, password) => {
    expect(redactSecrets(`login of u with ${password} failed`, [`DATABASE_URL=${url}`])).toBe(
      'login of u with [redacted] failed',
    )
  })

  test('keeps a URL without a password', () => {
    const text = 'connection refused: proxy.example.com:8080/a@b-and-c'
    expect(redactSecrets(text, ['PROXY=http://proxy.example.com:8080/a@b-and-c', 'SITE=https://someone@h'])).toBe(text)
  })

  test('ignores a variable without a value', () => {
    expect(redactSecrets('API_TOKEN_X is not set', ['API_TOKEN_X'])).toBe('API_TOKEN_X is not set')
  })

  test('redacts a value that is partly coloured', () => {
    const text = redactSecrets('refused: hunter2-\u001b[1mof-the\u001b[0m-shop', ['DB_PASSWORD=hunter2-of-the-shop'])
    expect(text).toBe('refused: [redacted]')
  })

  test.each([
    'GET https://user:canary-a@registry.example.com/v2/',
    'Authorization: Bearer canary-a-0123456789',
    'login failed: password=canary-a',
    '{"api_key": "canary-a"}',
  ])('redacts by form: %s', (text) => {
    expect(redactSecrets(text)).toContain('[redacted]')
    expect(redactSecrets(text)).not.toContain('canary')
  })

  test('keeps the working directory of a shell', () => {
    const environment = ['PWD=/usr/src/app', 'OLDPWD=/usr/src', 'DB_PWD=hunter2-of-the-shop']
    const text = 'no such file: /usr/src/app/config, hunter2-of-the-shop'
    expect(redactSecrets(text, environment)).toBe('no such file: /usr/src/app/config, [redacted]')
  })
})
