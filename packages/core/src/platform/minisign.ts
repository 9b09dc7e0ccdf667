import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** Bytes of a signature or public key before the Ed25519 part: the algorithm and the key's id. */
const PREFIX_BYTES = 10
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** Signatures of this algorithm sign the file itself, so that other Ed25519 tools can check them too. */
const ALGORITHM = 'Ed'
/** DER of an Ed25519 public key (RFC 8410) without its 32 bytes. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Returns a minisign public key in base64.
 *
 * @param text the key alone, or a file of minisign, in which a comment is above it
 * @throws {Error} whose message continues the name of the file, such as “must be a minisign public key”
 */
export function parseMinisignKey(text: string): string {
  const [first = '', second = ''] = linesOf(text)
  const key = first.startsWith('untrusted comment:') ? second : first
  if (!isEncoded(decode(key), KEY_BYTES)) throw new Error('must be a minisign public key of Ed25519')
  return key
}

/**
 * Verifies the minisign signature of a file, and that of its trusted comment
 * (jedisct1.github.io/minisign, “signature format”).
 *
 * @param signature text of the signature's file
 * @param publicKey as {@link parseMinisignKey} reads it
 * @throws {Error} when the signature cannot be read, or does not match. Its message continues the name of the signature
 */
export function verifyMinisign(file: Uint8Array, signature: string, publicKey: string): void {
  const key = decode(parseMinisignKey(publicKey))
  const [, signatureLine = '', commentLine = '', globalLine = ''] = linesOf(signature)
  const signed = decode(signatureLine)
  const comment = /^trusted comment: (.*)$/.exec(commentLine)?.[1]
  const global = decode(globalLine)
  if (!isEncoded(signed, SIGNATURE_BYTES) || comment === undefined || global.length !== SIGNATURE_BYTES)
    throw new Error(`must be a minisign signature of the algorithm \`${ALGORITHM}\``)
  if (!signed.subarray(0, PREFIX_BYTES).equals(key.subarray(0, PREFIX_BYTES)))
    throw new Error('was made with another key')
  const ed25519 = toKey(key.subarray(PREFIX_BYTES))
  const bytes = signed.subarray(PREFIX_BYTES)
  if (!verify(null, file, ed25519, bytes)) throw new Error('does not match')
  if (!verify(null, Buffer.concat([bytes, Buffer.from(comment)]), ed25519, global))
    throw new Error('does not match its trusted comment')
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/\r$/, ''))
}

/** Decodes base64. Returns nothing for other text: `Buffer` would skip its characters. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : Buffer.alloc(0)
}

function isEncoded(bytes: Buffer, length: number): boolean {
  return bytes.length === PREFIX_BYTES + length && bytes.subarray(0, 2).toString('latin1') === ALGORITHM
}

function toKey(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' })
}
