import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const read = (pattern: string): string[] =>
  globSync(pattern, { cwd: root }).map((path) => readFileSync(root + path, 'utf8'))

/** Names in the generated pages, which list every signal of every connector. */
const declared = new Set(
  read('docs/connectors/*.md').flatMap((page) =>
    [...page.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g)].map(([, name]) => name),
  ),
)

const examples = read('apps/api/src/routes/*.ts').flatMap((route) =>
  [...route.matchAll(/\bsuch as `([a-z_]+(?:\.[a-z_]+)+)`/gi)].map(([, name]) => name),
)

describe('examples of signals in the API', () => {
  test('exist', () => expect(examples).not.toEqual([]))

  test.each(examples)('%s is a signal of a connector', (name) => {
    expect(declared).toContain(name)
  })
})
