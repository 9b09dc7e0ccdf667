import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const rows = readFileSync(`${root}AGENTS.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('`'))
  .map((line) => line.split('|')[2] ?? '')

describe('AGENTS.md', () => {
  test.each(rows)('names only existing paths in the row “%s”', (cell) => {
    const paths = [...cell.matchAll(/`([^`\s<]+)[^`]*`/g)].map(([, path = '']) => path)
    const folder = paths[0]?.endsWith('/') ? (paths[0] ?? '') : (paths[0]?.replace(/[^/]*$/, '') ?? '')
    for (const path of paths) {
      const isFound = [path, `${folder}${path}`, `${folder}../${path}`, `${folder}../../${path}`].some((candidate) =>
        existsSync(root + candidate),
      )
      expect(isFound || path === 'npm', path).toBe(true)
    }
  })
})
