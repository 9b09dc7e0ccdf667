import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from './user-shell.ts'

const template = join(repository, 'packages/create-connector/template')
const sources = globSync('src/**/*.ts', { cwd: template }).map((path) => readFileSync(join(template, path), 'utf8'))
const page = readFileSync(join(repository, 'docs/writing-a-connector.md'), 'utf8')
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)

function withoutIndent(code: string): string {
  return code.replaceAll(/^ +/gm, '')
}

describe('docs/writing-a-connector.md', () => {
  test('shows code', () => {
    expect(blocks.length).toBeGreaterThan(5)
  })

  // The template is compiled with the repository, and run by the tests of `npm create`.
  test.each(blocks)('shows code of the template: %s', (code) => {
    expect(sources.some((source) => withoutIndent(source).includes(withoutIndent(code)))).toBe(true)
  })
})
