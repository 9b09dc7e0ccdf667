import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createStorage } from './storage.ts'

test('reports are refused while a question or another process lets the write-ahead log grow', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-storage-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rca.sqlite')
  for (const suffix of ['', '-wal']) writeFileSync(path + suffix, '')
  const storage = createStorage(path)
  storage.admit()
  // A sparse file, which takes no space.
  truncateSync(`${path}-wal`, 1024 ** 3 + 1)
  expect(() => storage.admit()).toThrow(/write-ahead log.*because a question or another process/)
  truncateSync(`${path}-wal`, 0)
  storage.admit()
})
