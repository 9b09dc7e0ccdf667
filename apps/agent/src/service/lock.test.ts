import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/fakes.ts'
import { takeLock } from './lock.ts'

describe('the lock of an installation', () => {
  test('is taken by one process at a time, and can be taken again after its release', async () => {
    const path = join(temporaryDirectory(), 'prefix', '.lock')
    const other = spawn('sleep', ['60'])
    onTestFinished(() => void other.kill())
    await once(other, 'spawn')
    const release = takeLock(path, other.pid)
    expect(() => takeLock(path)).toThrow(`another installation runs (process ${other.pid})`)
    release()
    takeLock(path)()
    expect(existsSync(path)).toBe(false)
  })

  test('goes on in the process that has taken it', () => {
    const path = join(temporaryDirectory(), '.lock')
    takeLock(path)
    const release = takeLock(path)
    release()
    expect(existsSync(path)).toBe(false)
  })

  test.each([
    ['of a process that was killed', '4194305 1\n'],
    ['of an earlier process with the same id', '1 1\n'],
    ['that is empty', ''],
  ])('replaces a lock %s', (_what, text) => {
    const folder = temporaryDirectory()
    writeFileSync(join(folder, '.lock'), text)
    const release = takeLock(join(folder, '.lock'))
    expect(readFileSync(join(folder, '.lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d*\n$`))
    expect(readdirSync(folder)).toEqual(['.lock'])
    release()
  })
})
