import { describe, expect, test } from 'vitest'
import { lintLanguage } from './lint-language.ts'

const found = (file: string, text: string) => lintLanguage(file, text).map((problem) => problem.found)

describe('lintLanguage', () => {
  test.each([
    ['src/x.ts', '/** Signals that nobody has sent. */', 'nobody'],
    ['src/x.ts', 'const toldPoints = []', 'told'],
    ['src/x.ts', 'const MOST_KEPT = 5', 'MOST_KEPT'],
    ['src/x.ts', "throw new TypeError('it is no object')", 'is no '],
    ['README.md', 'Counting starts anew.', 'anew'],
    ['chart/values.yaml', '# A permission that is owed.', 'owed'],
  ])('finds a banned word in %s: %s', (file, text, word) => {
    expect(found(file, text)).toEqual([word])
  })

  test.each([
    ['/** What a collector sends. */', 'What a collector sends. */'],
    ['/**\n * Whether the client is open.\n */', 'Whether the client is open.'],
    ['// Who holds the lease.', 'Who holds the lease.'],
    ["test('what a pod uses', () => {", 'what a pod uses'],
    ["])('who leads after %s', (name) => {", 'who leads after %s'],
  ])('finds the opening of %j', (text, opening) => {
    expect(found('src/x.test.ts', text)).toEqual([opening])
  })

  test('finds lines of prose that are too long, and leaves tables, code, addresses and interpreters', () => {
    const long = 'word '.repeat(30).trim()
    expect(found('README.md', long)).toEqual([`${long.length} columns`])
    expect(found('src/x.ts', `// ${long}`)).toEqual([`${long.length + 3} columns`])
    expect(found('README.md', `| ${long} |\n\`\`\`sh\n${long}\n\`\`\``)).toEqual([])
    expect(found('src/x.ts', `#!/usr/bin/env -S ${long}`)).toEqual([])
    expect(found('README.md', `See https://example.com/${'a'.repeat(120)}`)).toEqual([])
  })

  test('accepts plain sentences', () => {
    expect(found('src/x.ts', '/** Returns the pods of a node.\n * What follows a first line may begin so. */')).toEqual(
      [],
    )
    expect(found('src/x.ts', '// There is no limit. It is no longer needed.\nshell.restart()')).toEqual([])
    expect(found('README.md', '## What you can rely on')).toEqual([])
  })
})
