import { describe, expect, test } from 'vitest'
import { openKeyedHash, sharedKeyedHash } from './keyed-hash.ts'
import { silentLogger } from './logger.ts'
import { createMemoryState } from './state/state-store.ts'

describe('keyed hash', () => {
  test('is equal for equal texts, also in later runs', async () => {
    const state = createMemoryState()
    const first = await openKeyedHash(state, silentLogger)
    const later = await openKeyedHash(state, silentLogger)
    expect(first('hunter2')).toMatch(/^[0-9a-f]{32}$/)
    expect(later('hunter2')).toBe(first('hunter2'))
    expect(later('hunter3')).not.toBe(first('hunter2'))
  })

  test('differs between agents', async () => {
    const [one, other] = await Promise.all([
      openKeyedHash(createMemoryState(), silentLogger),
      openKeyedHash(createMemoryState(), silentLogger),
    ])
    expect(one('hunter2')).not.toBe(other('hunter2'))
  })

  test('is shared by replicas with the same token', () => {
    expect(sharedKeyedHash('a-token')('hunter2')).toMatch(/^[0-9a-f]{32}$/)
    expect(sharedKeyedHash('a-token')('hunter2')).toBe(sharedKeyedHash('a-token')('hunter2'))
    expect(sharedKeyedHash('b-token')('hunter2')).not.toBe(sharedKeyedHash('a-token')('hunter2'))
    expect(sharedKeyedHash('a-token')('hunter3')).not.toBe(sharedKeyedHash('a-token')('hunter2'))
  })

  test('works for this run if the state cannot be read or written', async () => {
    const broken = {
      read: async () => {
        throw new Error('no such disk')
      },
      write: async () => undefined,
    }
    expect((await openKeyedHash(broken, silentLogger))('x')).toMatch(/^[0-9a-f]{32}$/)
    const state = createMemoryState()
    await state.write('fingerprint-key', 'short')
    expect((await openKeyedHash(state, silentLogger))('x')).toBe((await openKeyedHash(state, silentLogger))('x'))
  })
})
