import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseMinisignKey, verifyMinisign } from './minisign.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const PREFIX = Buffer.concat([Buffer.from('Ed'), randomBytes(8)])
const KEY = encode(PREFIX, publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))
const CONTENT = Buffer.from('abc  file\n')
const SIGNATURE = signWith(PREFIX)

function encode(...parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('base64')
}

function signWith(prefix: Uint8Array): string {
  const signature = sign(null, CONTENT, privateKey)
  const comment = 'timestamp:1\tfile:SHA256SUMS'
  const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey)
  return `untrusted comment: x\n${encode(prefix, signature)}\ntrusted comment: ${comment}\n${encode(global)}\n`
}

/** Replaces the last character of a line in base64, which keeps the length of what it encodes. */
function changeLine(text: string, index: number): string {
  const lines = text.split('\n')
  lines[index] = (lines[index] ?? '').replace(/.(?==*$)/, (last) => (last === 'A' ? 'Q' : 'A'))
  return lines.join('\n')
}

const withCrlf = (text: string): string => text.replaceAll('\n', '\r\n')

describe('parseMinisignKey', () => {
  test.each([
    ['one line', KEY],
    ['one line with its end', `${KEY}\n`],
    ['the lines of minisign', `untrusted comment: minisign public key 1234\n${KEY}\n`],
    ['lines that end with CRLF', `untrusted comment: minisign public key\r\n${KEY}\r\n`],
  ])('reads %s', (_what, text) => {
    expect(parseMinisignKey(text)).toBe(KEY)
  })

  test.each([
    ['nothing', ''],
    ['a comment alone', 'untrusted comment: minisign public key\n'],
    ['a key that was cut', KEY.slice(0, -4)],
    ['a key of another algorithm', encode(Buffer.from('ED'), Buffer.from(KEY, 'base64').subarray(2))],
    ['characters that base64 does not have', `${KEY.slice(0, 20)} ${KEY.slice(20)}`],
    ['a key of ssh', 'ssh-ed25519 AAAA\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => parseMinisignKey(text)).toThrow('must be a minisign public key of Ed25519')
  })
})

describe('verifyMinisign', () => {
  test.each([
    ['a key of one line', SIGNATURE, KEY],
    ['a key with its comment', SIGNATURE, `untrusted comment: public key\n${KEY}\n`],
    ['lines that end with CRLF', withCrlf(SIGNATURE), withCrlf(`untrusted comment: public key\n${KEY}\n`)],
    ['a last line without an end', SIGNATURE.trimEnd(), KEY],
    ['another untrusted comment', SIGNATURE.replace('comment: x', 'comment: y'), KEY],
  ])('accepts %s', (_what, signature, key) => {
    expect(() => verifyMinisign(CONTENT, signature, key)).not.toThrow()
  })

  const otherKey = encode(
    PREFIX,
    generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32),
  )
  const form = 'must be a minisign signature of the algorithm `Ed`'
  test.each([
    ['another id of the key', signWith(Buffer.from('Ed12345678')), KEY, 'was made with another key'],
    ['another key of the same id', SIGNATURE, otherKey, 'does not match'],
    ['changed bytes', changeLine(SIGNATURE, 1), KEY, 'does not match'],
    [
      'a changed trusted comment',
      SIGNATURE.replace('timestamp:1', 'timestamp:2'),
      KEY,
      'does not match its trusted comment',
    ],
    ['a changed signature of the comment', changeLine(SIGNATURE, 3), KEY, 'does not match its trusted comment'],
    ['the algorithm of hashed files', signWith(Buffer.concat([Buffer.from('ED'), PREFIX.subarray(2)])), KEY, form],
    ['no trusted comment', SIGNATURE.replace('trusted comment: timestamp', 'timestamp'), KEY, form],
    ['HTML', '<html>\n<body>\n</body>\n</html>\n', KEY, form],
    ['no public key', SIGNATURE, '', 'must be a minisign public key of Ed25519'],
  ])('refuses %s', (_what, signature, key, message) => {
    expect(() => verifyMinisign(CONTENT, signature, key)).toThrow(new Error(message))
  })

  test('refuses another file', () => {
    expect(() => verifyMinisign(Buffer.from('abd  file\n'), SIGNATURE, KEY)).toThrow(new Error('does not match'))
  })

  test('refuses a signature that was cut anywhere', () => {
    const whole = SIGNATURE.trimEnd().length
    for (let length = 0; length < whole; length += 1)
      expect(() => verifyMinisign(CONTENT, SIGNATURE.slice(0, length), KEY), `${length} of ${whole}`).toThrow()
  })
})
