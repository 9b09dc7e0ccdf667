import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Signs in minisign's format with its algorithm `Ed`: Ed25519 over the file itself, which openssl can check too. */
export interface Signer {
  /** Text of the public key's file. */
  readonly publicKey: string
  /** Returns the text of a signature's file. The comment is signed too. */
  sign(content: Buffer, trustedComment: string): string
}

const ALGORITHM = Buffer.from('Ed')

/** Reads the signing key. Creates the file, readable by its owner alone, when it does not exist. */
export function loadSigningKey(file: string): { readonly key: KeyObject; readonly isNew: boolean } {
  const isNew = !existsSync(file)
  if (isNew) {
    const { privateKey } = generateKeyPairSync('ed25519')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  }
  let key: KeyObject
  try {
    key = createPrivateKey(readFileSync(file))
  } catch (error) {
    throw new Error(
      `The signing key ${file} cannot be read: ${(error as Error).message}. Set RCA_SIGNING_KEY to a PEM file (PKCS#8) with an Ed25519 key, or to a path at which one is made`,
    )
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(
      `The signing key ${file} is of type ${key.asymmetricKeyType}, but must be Ed25519: openssl genpkey -algorithm ed25519`,
    )
  return { key, isNew }
}

export function createSigner(key: KeyObject): Signer {
  const publicBytes = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32)
  const keyId = createHash('sha256').update(publicBytes).digest().subarray(0, 8)
  // minisign prints the id as a little-endian number.
  const shownId = Buffer.from(keyId).reverse().toString('hex').toUpperCase()
  return {
    publicKey: lines(`untrusted comment: minisign public key ${shownId}`, base64(ALGORITHM, keyId, publicBytes)),
    sign: (content, trustedComment) => {
      const signature = signBytes(null, content, key)
      const global = signBytes(null, Buffer.concat([signature, Buffer.from(trustedComment)]), key)
      return lines(
        'untrusted comment: signature of the Incident RCA agent',
        base64(ALGORITHM, keyId, signature),
        `trusted comment: ${trustedComment}`,
        base64(global),
      )
    },
  }
}

function base64(...parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString('base64')
}

function lines(...texts: readonly string[]): string {
  return `${texts.join('\n')}\n`
}
