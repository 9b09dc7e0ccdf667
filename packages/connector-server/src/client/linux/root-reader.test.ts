import { expect, test } from 'vitest'
import { fixtureRoot } from '../../../test/fixture-root.ts'
import { createRootReader, isAbsence } from './root-reader.ts'

test('a file of any length is read', () => {
  const root = fixtureRoot()
  const text = 'ä'.repeat(100_000)
  root.write('proc/long', text)
  const reader = createRootReader(root.path)
  expect(reader.text('proc/long')).toBe(text)
  expect(reader.text('proc/uptime')).not.toBe('')
})

test('a file that is not there is absent; one that cannot be read is an error', () => {
  const reader = createRootReader(fixtureRoot().path)
  expect(reader.optionalText('proc/none')).toBeUndefined()
  expect(() => reader.optionalText('proc')).toThrow('EISDIR')
  expect(isAbsence(new Error('other'))).toBe(false)
  expect(reader.link('proc/none')).toBeUndefined()
})
