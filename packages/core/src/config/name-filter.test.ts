import { expect, test } from 'vitest'
import { excluding, matching } from './name-filter.ts'

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
  const wants = excluding(['lo', 'veth*', 'cali*', 'lxc*', 'ifb*', 'dummy*'])
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

test('matching wants what excluding leaves out', () => {
  const [wants, leavesOut] = [matching(['com.docker.*']), excluding(['com.docker.*'])]
  for (const name of ['com.docker.compose.project', 'com.dockery', 'org.x']) expect(wants(name)).toBe(!leavesOut(name))
  expect(wants('com.docker.compose.project')).toBe(true)
})
