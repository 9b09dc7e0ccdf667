import { expect, test } from 'vitest'
import { configSchema } from './config.ts'
import { excluding } from './name-filter.ts'

test.each([
  ['veth*', 'veth12', false],
  ['veth*', 'eveth', true],
  ['lo', 'lo', false],
  ['lo', 'lo0', true],
  ['/mnt/*/cache', '/mnt/a/b/cache', false],
  ['/mnt/*/cache', '/mnt/a/b', true],
  ['a.b', 'axb', true],
  ['*', 'anything', false],
])('the pattern %s and the name %s', (pattern, name, isWanted) => {
  const wants = excluding([pattern])
  expect([wants(name), wants(name)]).toEqual([isWanted, isWanted])
})

test('what is left out by default', () => {
  const wants = excluding(configSchema.parse({}).exclude_interfaces)
  expect(['lo', 'veth1a2b', 'cali1', 'eth0', 'bond0', 'docker0', 'wlan0'].filter(wants)).toEqual([
    'eth0',
    'bond0',
    'docker0',
    'wlan0',
  ])
})

test('many names are forgotten in time', () => {
  const wants = excluding(['x*'])
  for (let index = 0; index < 10_002; index += 1) wants(`name${index}`)
  expect([wants('x1'), wants('name1')]).toEqual([false, true])
})
