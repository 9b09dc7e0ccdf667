import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSecretReplacer } from './secret-replacer.ts'

describe('textRedactor', () => {
  test.each([
    ['unchanged', 'pass hunter2!', 'hunter2', 'pass [redacted]!'],
    ['several times', 'hunter2hunter2', 'hunter2', '[redacted][redacted]'],
    ['percent-encoded', 'https://x/?p=a%2Fb%20c%26', 'a/b c&', 'https://x/?p=[redacted]'],
    ['percent-encoded in lower case', 'p=a%2fb', 'a/b', 'p=[redacted]'],
    ['in a form', 'p=a+b%26c', 'a b&c', 'p=[redacted]'],
    ['inside JSON', String.raw`{"p":"a\"b\\c\nd"}`, 'a"b\\c\nd', '{"p":"[redacted]"}'],
    ['without the last newline of its file', 'p=hunter2;', 'hunter2\n', 'p=[redacted];'],
    ['in Base64', 'Basic Y2FuYXJ5LWluLWJhc2U2NA==!', 'canary-in-base64', 'Basic [redacted]!'],
    ['in Base64 for URLs', 'k=fj8_fj8_fj8_fj8_', '~??~??~??~??', 'k=[redacted]'],
    ['in hexadecimal digits', 'k=63616E6172792D6B6579;', 'canary-key', 'k=[redacted];'],
    ['with the characters of patterns', 'p=.*(a|b)[c]{2}$^', '.*(a|b)[c]{2}$^', 'p=[redacted]'],
  ])('redacts a secret %s', (_where, text, secret, left) => {
    expect(createSecretReplacer([secret])(text)).toBe(left)
  })

  test('redacts a secret that contains another as a whole', () => {
    expect(createSecretReplacer(['key', 'key-2'])('key-2, key')).toBe('[redacted], [redacted]')
  })

  test('leaves nothing of a secret in Base64 of a longer text', () => {
    for (const user of ['', 'a', 'ab', 'abc']) {
      const code = Buffer.from(`${user}:canary-in-base64:x`).toString('base64')
      const left = Buffer.from(createSecretReplacer(['canary-in-base64'])(code).replace('[redacted]', ''), 'base64')
      expect(left.toString('latin1')).not.toMatch(/canary|in-base64/)
    }
  })

  test('changes nothing without secrets, or for empty ones', () => {
    expect(createSecretReplacer([])('text')).toBe('text')
    expect(createSecretReplacer(['', ' '])('text').includes('[redacted]')).toBe(false)
  })

  test('leaves no secret in any text, in any form', () => {
    const secret = fc.string({ minLength: 6, unit: 'binary' })
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const redact = createSecretReplacer([value])
        // The replacement may itself contain the secret.
        fc.pre(!'[redacted]'.includes(value.trim()) && !`${before}[redacted]${after}`.includes(value))
        expect(redact(before + value + after)).not.toContain(value)
        expect(JSON.stringify(JSON.parse(redact(JSON.stringify({ text: value }))))).not.toContain(
          JSON.stringify(value).slice(1, -1),
        )
      }),
    )
  })
})
