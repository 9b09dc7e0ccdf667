import { expect, test } from 'vitest'
import { optionsTable, permissionsSection, table } from './signal-tables.ts'

test('options show their environment variable, type and default', () => {
  const text = optionsTable({
    type: 'object',
    required: ['password'],
    properties: {
      password: { type: 'string', writeOnly: true, description: 'Opens the door.' },
      scrape_interval: { type: 'string', pattern: '^\\d+(ms|s|m|h|d)$', default: '15s' },
      top: { type: 'integer', minimum: 1, maximum: 10, default: 3 },
      platform: { enum: ['linux', 'darwin'] },
      paths: { type: 'array', items: { type: 'string' }, default: [] },
    },
  })
  expect(text.split('\n').slice(2)).toEqual([
    '| `password` | `PASSWORD` | secret | required | Opens the door. |',
    '| `scrape_interval` | `SCRAPE_INTERVAL` | duration | `15s` |  |',
    '| `top` | `TOP` | integer, 1 to 10 | `3` |  |',
    '| `platform` | `PLATFORM` | `linux`, `darwin` |  |  |',
    '| `paths` | `PATHS` | list of string | `[]` |  |',
  ])
})

test('a cell cannot break out of its row', () => {
  expect(table(['a'], [['one | two\nthree']])).toBe('| a |\n| --- |\n| one \\| two three |')
})

test('an empty table is a word', () => {
  expect(table(['a'], [])).toBe('None.')
})

test('permissions with the same use share a row', () => {
  const permissions = new Map([
    ['list pods', 'Reads pods.'],
    ['get nodes', 'Reads nodes.'],
    ['watch pods', 'Reads pods.'],
  ])
  expect(permissionsSection(permissions).split('\n').slice(4)).toEqual([
    '| `list pods`, `watch pods` | Reads pods. |',
    '| `get nodes` | Reads nodes. |',
  ])
  expect(permissionsSection(undefined)).toBe('')
})
