import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createSigner, loadSigningKey } from './signing.ts'

const folder = mkdtempSync(join(tmpdir(), 'rca-signing-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the bytes of a line in base64. */
const bytesOf = (text: string, line: number): Buffer => Buffer.from(text.split('\n')[line] ?? '', 'base64')

describe('loadSigningKey', () => {
  test('makes a key that only its owner can read, and reads it again', () => {
    const file = join(folder, 'new/key.pem')
    const { key, isNew } = loadSigningKey(file)
    expect(isNew).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const again = loadSigningKey(file)
    expect(again.isNew).toBe(false)
    expect(again.key.equals(key)).toBe(true)
  })

  test.each([
    ['no key', 'text', /key\.pem cannot be read: .*RCA_SIGNING_KEY/],
    [
      'a key of another type',
      generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
      /is of type x25519, but must be Ed25519/,
    ],
  ])('refuses a file with %s', (_what, content, message) => {
    const file = join(folder, 'key.pem')
    writeFileSync(file, content)
    expect(() => loadSigningKey(file)).toThrow(message)
  })
})

describe('createSigner', () => {
  const { key } = loadSigningKey(join(folder, 'signer.pem'))
  const signer = createSigner(key)
  const content = Buffer.from('abc  file\n')
  const signature = signer.sign(content, 'timestamp:1')

  test('signs the content, and then the signature with the comment', () => {
    const bytes = bytesOf(signature, 1)
    expect(bytes.subarray(0, 2).toString()).toBe('Ed')
    const ofContent = bytes.subarray(10)
    expect(verify(null, content, createPublicKey(key), ofContent)).toBe(true)
    const signed = Buffer.concat([ofContent, Buffer.from('timestamp:1')])
    expect(verify(null, signed, createPublicKey(key), bytesOf(signature, 3))).toBe(true)
  })

  test('names the key by the same id in both files', () => {
    const publicBytes = bytesOf(signer.publicKey, 1)
    expect(publicBytes).toHaveLength(42)
    expect(bytesOf(signature, 1).subarray(2, 10)).toEqual(publicBytes.subarray(2, 10))
  })

  test('signs the same content with the same bytes', () => {
    expect(signer.sign(content, 'timestamp:1')).toBe(signature)
  })
})
