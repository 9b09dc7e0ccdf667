import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkAnswers, type Names } from './names.ts'
import { scaffold } from './scaffold.ts'

const NOW = new Date('2026-11-30T12:00:00Z')
const names = checkAnswers({ type: 'example/lamps', title: 'Example lamps', item: 'oil lamp' }) as Names

describe('scaffold', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rca-scaffold-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8')

  test('leaves no name of the template', async () => {
    const files = await scaffold(folder, names, NOW)
    expect(files).toContain('.github/workflows/release.yml')
    for (const file of files) expect(read(file), file).not.toMatch(/acme|queue(?!s\.)/i)
    expect(read('LICENSE')).not.toMatch(/YEAR HOLDER/)
  })

  test('writes names in the form that each place needs', async () => {
    await scaffold(folder, names, NOW)
    expect(read('src/collectors/items.ts')).toContain("type: 'example.lamps.oil_lamp'")
    expect(read('src/collectors/items.ts')).toContain("description: 'An oil lamp.'")
    expect(read('src/index.ts')).toContain('example_lamps_token: option.secret()')
    expect(read('LICENSE')).toContain('Copyright (c) 2026 the authors of @example/rca-connector-lamps')
    expect(JSON.parse(read('package.json'))).toMatchObject({
      name: '@example/rca-connector-lamps',
      rca: { type: 'example/lamps', title: 'Example lamps' },
    })
  })

  test('accepts a repository without files, and refuses a folder with files', async () => {
    writeFileSync(join(folder, '.git'), '')
    await scaffold(folder, names, NOW)
    await expect(scaffold(folder, names, NOW)).rejects.toThrow('has files: choose an empty or a new folder')
  })
})
