import { expect, test } from 'vitest'
import { replaceSections } from './readme-sections.ts'

const sections = {
  options: '## Options\n\nOne.',
  signals: '## Entities\n\nNone.',
  permissions: '## Permissions\n\nTwo.',
}
const replaced = (text: string, own = sections): string => replaceSections(text, own, 'README.md')

test('a place without a name has all parts, and is replaced again with the same text', () => {
  const text = replaced('a\n<!-- rca-connector docs -->\nold\n<!-- /rca-connector docs -->\nb\n')
  expect(text).toBe(
    'a\n<!-- rca-connector docs -->\n\n## Options\n\nOne.\n\n## Entities\n\nNone.\n\n## Permissions\n\nTwo.\n\n<!-- /rca-connector docs -->\nb\n',
  )
  expect(replaced(text)).toBe(text)
})

test('a place with the name of a part has its table alone', () => {
  const one = '<!-- rca-connector docs options --><!-- /rca-connector docs -->'
  const two = '<!-- rca-connector docs permissions -->\n<!-- /rca-connector docs -->'
  expect(replaced(`${one}\n${two}`)).toBe(
    '<!-- rca-connector docs options -->\n\nOne.\n\n<!-- /rca-connector docs -->\n<!-- rca-connector docs permissions -->\n\nTwo.\n\n<!-- /rca-connector docs -->',
  )
})

test('a part without content is left out', () => {
  const text = replaced('<!-- rca-connector docs --><!-- /rca-connector docs -->', { ...sections, permissions: '' })
  expect(text).not.toContain('Permissions')
  expect(text).toMatch(/None\.\n\n<!--/)
})

test.each(['', '<!-- rca-connector docs -->', '<!-- /rca-connector docs --><!-- rca-connector docs -->'])(
  'a text without both marks is refused: %j',
  (text) => {
    expect(() => replaced(text)).toThrow('README.md needs two lines')
  },
)

test('a table whose columns a formatter has aligned stays', () => {
  const text = (padding: string): string =>
    `<!-- rca-connector docs options -->\n\n| A${padding} |\n| ---${padding.replaceAll(' ', '-')} |\n| one |\n\n<!-- /rca-connector docs -->`
  const own = (cell: string) => ({ ...sections, options: `## Options\n\n| A |\n| --- |\n| ${cell} |` })
  expect(replaced(text('  '), own('one'))).toBe(text('  '))
  expect(replaced(text('  '), own('two'))).not.toContain('one')
})
