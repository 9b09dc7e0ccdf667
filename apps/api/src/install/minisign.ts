import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** Bytes of a signature or public key before the Ed25519 part: the algorithm and the key's id. */
const PREFIX_BYTES = 10
/** Signatures of this algorithm sign the file itself, so that other Ed25519 tools can check them too. */
const ALGORITHM = 'Ed'
/** DER of an Ed25519 public key (RFC 8410) without its 32 bytes. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Returns the key in the text of a minisign public key, in base64. @throws {Error} when the text contains none */
export function publicKeyOf(text: string): string {
  const key = lineOf(text, 1)
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== PREFIX_BYTES + 32 || !hasAlgorithm(bytes))
    throw new Error('must be a minisign public key of Ed25519')
  return key
}

/**
 * Verifies the minisign signature of a file, and that of its trusted comment
 * (jedisct1.github.io/minisign, “signature format”).
 *
 * @throws {Error} when the signature cannot be read, or does not match.
 */
export function verifySignature(file: Uint8Array, signature: string, publicKey: string): void {
  const key = Buffer.from(publicKey, 'base64')
  const signed = Buffer.from(lineOf(signature, 1), 'base64')
  const comment = /^trusted comment: (.*)$/.exec(lineOf(signature, 2))?.[1]
  if (signed.length !== PREFIX_BYTES + 64 || !hasAlgorithm(signed) || comment === undefined)
    throw new Error(`must be a minisign signature of the algorithm \`${ALGORITHM}\``)
  if (!signed.subarray(2, PREFIX_BYTES).equals(key.subarray(2, PREFIX_BYTES)))
    throw new Error('was made with another key')
  const ed25519 = toKey(key.subarray(PREFIX_BYTES))
  const bytes = signed.subarray(PREFIX_BYTES)
  const commented = Buffer.concat([bytes, Buffer.from(comment)])
  if (!verify(null, file, ed25519, bytes)) throw new Error('does not match')
  if (!verify(null, commented, ed25519, Buffer.from(lineOf(signature, 3), 'base64')))
    throw new Error('does not match its trusted comment')
}

function lineOf(text: string, index: number): string {
  return text.split('\n')[index]?.replace(/\r$/, '') ?? ''
}

function hasAlgorithm(bytes: Buffer): boolean {
  return bytes.subarray(0, 2).toString('latin1') === ALGORITHM
}

function toKey(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' })
}
