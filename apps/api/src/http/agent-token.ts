import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Names of environments: they stand in tokens, paths and commands. */
export const ENVIRONMENT_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/** `agent_<environment>_<256 random bits, base64url>`. Shown once, and stored only as its digest. */
export function createAgentToken(environment: string): { readonly token: string; readonly digest: string } {
  const token = `agent_${environment}_${randomBytes(32).toString('base64url')}`
  return { token, digest: digestOf(token) }
}

/** SHA-256, hexadecimal. A token is 256 random bits: a slow hash would protect nothing more. */
export function digestOf(token: string): string {
  return hash('sha256', token, 'hex')
}

/** Whether two digests are equal, in a time that does not tell where they differ. */
export function sameDigest(left: string, right: string): boolean {
  const [leftBytes, rightBytes] = [Buffer.from(left), Buffer.from(right)]
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes)
}
