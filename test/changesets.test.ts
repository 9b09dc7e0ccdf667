import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const packages = globSync('packages/*/package.json', { cwd: root }).map(
  (path) => (JSON.parse(readFileSync(`${root}${path}`, 'utf8')) as { name: string }).name,
)
const files = globSync('.changeset/*.md', { cwd: root }).filter((path) => basename(path) !== 'README.md')

describe('changesets', () => {
  test.each(files)('%s names packages and describes a change', (path) => {
    const [, front = '', text = ''] = /^---\n(.*?)\n---\n\n(.+)$/s.exec(readFileSync(`${root}${path}`, 'utf8')) ?? []
    const lines = front.split('\n').map((line) => /^'(.+)': (?:major|minor|patch)$/.exec(line)?.[1])
    expect(lines.length).toBeGreaterThan(0)
    for (const name of lines) expect(packages).toContain(name)
    expect(text.trim()).not.toBe('')
  })
})
