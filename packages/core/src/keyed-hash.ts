import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { reasonOf } from './errors/error-reason.ts'
import type { Logger } from './logger.ts'
import type { StateStore } from './state/state-store.ts'

/** A keyed hash of a text, 32 hexadecimal digits. */
export type KeyedHash = (text: string) => string

/** Where the key is kept between runs. */
const KEY = 'fingerprint-key'

/**
 * Fingerprints with this agent's own key, which is made when there is none. Never rejects: with a state that cannot be read
 * or written, keyed hashes hold for this run only, and a change between two runs goes unseen.
 */
export async function openKeyedHash(state: StateStore, log: Logger): Promise<KeyedHash> {
  return keyedHashWith(await readKey(state, log))
}

/** Fingerprints that all replicas of an agent have in common, as long as they have the same token: their key follows from it. */
export function sharedKeyedHash(agentToken: string): KeyedHash {
  return keyedHashWith(Buffer.from(hkdfSync('sha256', agentToken, '', 'fingerprints of replicas', 32)))
}

function keyedHashWith(key: string | Buffer): KeyedHash {
  return (text) => createHmac('sha256', key).update(text).digest('hex').slice(0, 32)
}

async function readKey(state: StateStore, log: Logger): Promise<string> {
  const made = randomBytes(32).toString('hex')
  try {
    const kept = await state.read(KEY)
    if (kept !== undefined && /^[0-9a-f]{64}$/.test(kept)) return kept
    await state.write(KEY, made)
  } catch (error) {
    log.debug({}, `the key of keyedHashes is not kept: ${reasonOf(error)}`)
  }
  return made
}
