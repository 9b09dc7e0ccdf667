import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createDirectoryState, createMemoryState } from './state-store.ts'

describe('StateStore', () => {
  test('reads what an earlier store wrote', async () => {
    const directory = join(await temporaryDirectory(), 'not/there/yet')
    const state = createDirectoryState(directory)
    expect(await state.read('cursor')).toBeUndefined()
    await state.write('cursor', 'a')
    await state.write('cursor', 'b')
    expect(await createDirectoryState(directory).read('cursor')).toBe('b')
  })

  test('creates files that only their owner can read', async () => {
    const directory = join(await temporaryDirectory(), 'state')
    await createDirectoryState(directory).write('cursor', 'a')
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await stat(join(directory, 'cursor'))).mode & 0o777).toBe(0o600)
  })

  test('writes durably with the same result', async () => {
    const directory = join(await temporaryDirectory(), 'state')
    const state = createDirectoryState(directory)
    await state.write('key', 'a', { durable: true })
    await state.write('key', 'b', { durable: true })
    expect(await state.read('key')).toBe('b')
    expect((await stat(join(directory, 'key'))).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['key'])
  })

  test('keeps every key inside the directory', async () => {
    const directory = await temporaryDirectory()
    await createDirectoryState(directory).write('../../etc/pass:wd', 'x')
    expect(await readdir(directory)).toEqual(['..%2F..%2Fetc%2Fpass%3Awd'])
  })

  test('replaces texts atomically and leaves no temporary files', async () => {
    const directory = await temporaryDirectory()
    const state = createDirectoryState(directory)
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000))
    await state.write('cursor', texts[0]!)
    const writes = Promise.all(texts.map((text) => state.write('cursor', text)))
    for (let reads = 0; reads < 20; reads += 1) expect(texts).toContain(await state.read('cursor'))
    await writes
    expect(await readdir(directory)).toEqual(['cursor'])
  })

  test('keeps the old text when a write fails', async () => {
    const directory = await temporaryDirectory()
    const state = createDirectoryState(directory)
    await mkdir(join(directory, 'cursor'))
    await writeFile(join(directory, 'cursor', 'old'), 'old')
    await expect(state.write('cursor', 'new')).rejects.toThrow()
    expect(await readdir(directory)).toEqual(['cursor'])
    expect(await readFile(join(directory, 'cursor', 'old'), 'utf8')).toBe('old')
  })

  test('rejects when a text cannot be read', async () => {
    const directory = await temporaryDirectory()
    await mkdir(join(directory, 'cursor'))
    await expect(createDirectoryState(directory).read('cursor')).rejects.toThrow('EISDIR')
  })

  test('keeps nothing between memory stores', async () => {
    const state = createMemoryState()
    await state.write('cursor', 'a')
    expect(await state.read('cursor')).toBe('a')
    expect(await createMemoryState().read('cursor')).toBeUndefined()
  })

  test.skipIf(process.platform !== 'linux')(
    'a place where no folder can be made is an error, and not a wait without end',
    async () => {
      const state = createDirectoryState('/proc/rca-nowhere/deep')
      await expect(state.write('key', 'text')).rejects.toThrow(/ENOENT/)
      expect(await state.read('key')).toBeUndefined()
    },
  )
})
