import { describe, expect, test } from 'vitest'
import { fixtureRoot } from '../../../test/fixture-root.ts'
import { createRootReader, isMissingFile } from './root-reader.ts'

describe('createRootReader', () => {
  test('reads a file of any length', () => {
    const root = fixtureRoot()
    const text = 'ä'.repeat(100_000)
    root.write('proc/long', text)
    const reader = createRootReader(root.path)
    expect(reader.text('proc/long')).toBe(text)
    expect(reader.text('proc/uptime')).not.toBe('')
  })

  test('returns undefined for a missing file, and throws for one that cannot be read', () => {
    const reader = createRootReader(fixtureRoot().path)
    expect(reader.optionalText('proc/none')).toBeUndefined()
    expect(() => reader.optionalText('proc')).toThrow('EISDIR')
    expect(isMissingFile(new Error('other'))).toBe(false)
    expect(reader.link('proc/none')).toBeUndefined()
  })
})
