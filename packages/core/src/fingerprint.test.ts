import { expect, test } from 'vitest'
import { openFingerprint, sharedFingerprint } from './fingerprint.ts'
import { silentLogger } from './logger.ts'
import { createMemoryState } from './state/state-store.ts'

test('the same text has the same fingerprint, in later runs as well, and another text another', async () => {
  const state = createMemoryState()
  const first = await openFingerprint(state, silentLogger)
  const later = await openFingerprint(state, silentLogger)
  expect(first('hunter2')).toMatch(/^[0-9a-f]{32}$/)
  expect(later('hunter2')).toBe(first('hunter2'))
  expect(later('hunter3')).not.toBe(first('hunter2'))
})

test('two agents give one text two fingerprints', async () => {
  const [one, other] = await Promise.all([
    openFingerprint(createMemoryState(), silentLogger),
    openFingerprint(createMemoryState(), silentLogger),
  ])
  expect(one('hunter2')).not.toBe(other('hunter2'))
})

test('replicas have the same fingerprints as long as their token is the same', () => {
  expect(sharedFingerprint('a-token')('hunter2')).toMatch(/^[0-9a-f]{32}$/)
  expect(sharedFingerprint('a-token')('hunter2')).toBe(sharedFingerprint('a-token')('hunter2'))
  expect(sharedFingerprint('b-token')('hunter2')).not.toBe(sharedFingerprint('a-token')('hunter2'))
  expect(sharedFingerprint('a-token')('hunter3')).not.toBe(sharedFingerprint('a-token')('hunter2'))
})

test('a state that cannot be read or written, or holds something else, costs only what outlives the run', async () => {
  const broken = {
    read: async () => {
      throw new Error('no such disk')
    },
    write: async () => undefined,
  }
  expect((await openFingerprint(broken, silentLogger))('x')).toMatch(/^[0-9a-f]{32}$/)
  const state = createMemoryState()
  await state.write('fingerprint-key', 'short')
  expect((await openFingerprint(state, silentLogger))('x')).toBe((await openFingerprint(state, silentLogger))('x'))
})
