import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from './temporary-directory.ts'

test('temporaryDirectory copies, edits and removes files, and is removed after the test', () => {
  let path = ''
  // Hooks run in reverse order: this one runs after that of the directory.
  onTestFinished(() => expect(existsSync(path)).toBe(false))
  const source = temporaryDirectory()
  source.write('proc/uptime', '12.5 1.0\n')
  const copy = temporaryDirectory(source.path)
  path = copy.path
  copy.change('proc/uptime', (text) => text.replace('12.5', '13.5'))
  expect(copy.files()).toEqual(['proc/uptime'])
  expect([copy.read('proc/uptime'), source.read('proc/uptime')]).toEqual(['13.5 1.0\n', '12.5 1.0\n'])
  copy.remove('proc')
  copy.remove('proc')
  expect(copy.files()).toEqual([])
})
