import { createPublicKey, verify } from 'node:crypto'

/** Bytes of a key or signature before the part of Ed25519: the algorithm and the id of the key. */
const PREFIX_BYTES = 10
const SIGNATURE_BYTES = 64
const KEY_BYTES = 32
/** DER of an Ed25519 public key (RFC 8410) without its 32 bytes. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Returns whether a file has this signature of minisign, made with this key. Both are texts of minisign's files; the
 * algorithm is `Ed`, Ed25519 over the file itself.
 */
export function isSigned(file: Uint8Array, signature: string, publicKey: string): boolean {
  const key = decodeSecondLine(publicKey)
  const signed = decodeSecondLine(signature)
  if (key.length !== PREFIX_BYTES + KEY_BYTES || signed.length !== PREFIX_BYTES + SIGNATURE_BYTES) return false
  if (!key.subarray(0, PREFIX_BYTES).equals(signed.subarray(0, PREFIX_BYTES))) return false
  if (signed.subarray(0, 2).toString('latin1') !== 'Ed') return false
  const der = Buffer.concat([SPKI_PREFIX, key.subarray(PREFIX_BYTES)])
  return verify(null, file, createPublicKey({ key: der, format: 'der', type: 'spki' }), signed.subarray(PREFIX_BYTES))
}

/** The first line is a comment. */
function decodeSecondLine(text: string): Buffer {
  return Buffer.from(text.split('\n')[1] ?? '', 'base64')
}
