import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { PlatformUrlError } from '../errors/platform-url-error.ts'
import { isUnencrypted, parsePlatformUrl, platformUrlText } from './platform-url.ts'

test.each([
  ['https://api.example.com', 'https://api.example.com'],
  ['https://api.example.com/', 'https://api.example.com'],
  ['  https://api.example.com/rca/v2//  ', 'https://api.example.com/rca/v2'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
  ['HTTPS://API.EXAMPLE.COM:443', 'https://api.example.com'],
])('parsePlatformUrl parses %s as %s', (text, written) => {
  expect(platformUrlText(parsePlatformUrl(text))).toBe(written)
})

test.each([
  ['', 'is empty'],
  [undefined, 'is missing or not a string'],
  [7, 'is missing or not a string'],
  ['api.example.com', 'is not a URL'],
  ['ftp://api.example.com', 'has the scheme `ftp`'],
  ['https://user@api.example.com', 'must not contain a user or password'],
  ['https://:secret@api.example.com', 'must not contain a user or password'],
  ['https://api.example.com?env=prod', 'must not have a query or fragment'],
  ['https://api.example.com/?', 'must not have a query or fragment'],
  ['https://api.example.com/#', 'must not have a query or fragment'],
])('parsePlatformUrl rejects %s: it %s', (text, problem) => {
  expect(() => parsePlatformUrl(text)).toThrow(PlatformUrlError)
  expect(() => parsePlatformUrl(text)).toThrow(problem)
})

test('parsePlatformUrl never shows an invalid address, which may hold a password', () => {
  for (const text of ['https://user:hunter2@api.example.com', 'https://user:hunter2@api.example.com:99999']) {
    try {
      parsePlatformUrl(text)
      expect.unreachable()
    } catch (error) {
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2')
    }
  }
})

test.each([
  ['http://localhost:3000', false],
  ['http://api.localhost', false],
  ['http://127.0.0.1', false],
  ['http://127.9.9.9:1', false],
  ['http://[::1]:3000', false],
  ['https://api.example.com', false],
  ['http://api.example.com', true],
  ['http://10.0.0.1', true],
  ['http://127.0.0.1.example.com', true],
  ['http://localhost.example.com', true],
  ['http://[::2]', true],
])('isUnencrypted(%s) is %s', (text, unencrypted) => {
  expect(isUnencrypted(parsePlatformUrl(text))).toBe(unencrypted)
})
