import { describe, expect, test } from 'vitest'
import { redactSecrets } from './redact-container-text.ts'

describe('secrets', () => {
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
  ])('the value of %s does not stand in what the container wrote', (name) => {
    expect(redactSecrets('it was a=b/c%, it said', [`${name}=a=b/c%`])).toBe('it was [redacted], it said')
  })

  test('values of other variables stay, and those that are so short that they are found by accident', () => {
    const text = 'on port 8080 in production at no time'
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

  test('of two values of which one begins like the other none is left in part', () => {
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
  ])('the password in %s is known: %s', (url, password) => {
    expect(redactSecrets(`u is refused with ${password} at h`, [`DATABASE_URL=${url}`])).toBe(
      'u is refused with [redacted] at h',
    )
  })

  test('a URL without a password tells no secret', () => {
    const text = 'nobody listens at proxy.example.com:8080/a@b-and-c'
    expect(redactSecrets(text, ['PROXY=http://proxy.example.com:8080/a@b-and-c', 'SITE=https://someone@h'])).toBe(text)
  })

  test('a variable without a value has none', () => {
    expect(redactSecrets('API_TOKEN_X is not set', ['API_TOKEN_X'])).toBe('API_TOKEN_X is not set')
  })

  test('a value is found although a part of it is coloured', () => {
    const text = redactSecrets('refused: hunter2-\u001b[1mof-the\u001b[0m-shop', ['DB_PASSWORD=hunter2-of-the-shop'])
    expect(text).toBe('refused: [redacted]')
  })

  test.each([
    'GET https://user:canary-a@registry.example.com/v2/',
    'Authorization: Bearer canary-a-0123456789',
    'login failed: password=canary-a',
    '{"api_key": "canary-a"}',
  ])('%s: is known by its form', (text) => {
    expect(redactSecrets(text)).toContain('[redacted]')
    expect(redactSecrets(text)).not.toContain('canary')
  })
})

test('the folder in which a shell is stays: it tells what failed', () => {
  const environment = ['PWD=/usr/src/app', 'OLDPWD=/usr/src', 'DB_PWD=hunter2-of-the-shop']
  const text = 'no such file: /usr/src/app/config, hunter2-of-the-shop'
  expect(redactSecrets(text, environment)).toBe('no such file: /usr/src/app/config, [redacted]')
})
