import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { reasonOf } from './errors/error-reason.ts'
import type { Logger } from './logger.ts'
import type { StateStore } from './state/state-store.ts'

/** Hashes a text with a secret key. Returns 32 hexadecimal digits. */
export type KeyedHash = (text: string) => string

const STATE_KEY = 'fingerprint-key'

/** Opens an agent's keyed hash. Never rejects: without the state, hashes are comparable within this run only. */
export async function openKeyedHash(state: StateStore, log: Logger): Promise<KeyedHash> {
  return keyedHashWith(await readOrCreateKey(state, log))
}

/** Returns the keyed hash that all replicas of an agent share: its key is derived from their token. */
export function sharedKeyedHash(agentToken: string): KeyedHash {
  return keyedHashWith(Buffer.from(hkdfSync('sha256', agentToken, '', 'fingerprints of replicas', 32)))
}

function keyedHashWith(key: string | Buffer): KeyedHash {
  return (text) => createHmac('sha256', key).update(text).digest('hex').slice(0, 32)
}

async function readOrCreateKey(state: StateStore, log: Logger): Promise<string> {
  const created = randomBytes(32).toString('hex')
  try {
    const saved = await state.read(STATE_KEY)
    if (saved !== undefined && /^[0-9a-f]{64}$/.test(saved)) return saved
    await state.write(STATE_KEY, created)
  } catch (error) {
    log.debug({ error: reasonOf(error) }, 'hash key not saved: hashes are comparable within this run only')
  }
  return created
}
