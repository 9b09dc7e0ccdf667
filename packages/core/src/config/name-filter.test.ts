import { describe, expect, test } from 'vitest'
import { excludeNames, includeNames } from './name-filter.ts'

describe('NameFilter', () => {
  test.each([
    ['veth*', 'veth12', false],
    ['veth*', 'eveth', true],
    ['lo', 'lo', false],
    ['lo', 'lo0', true],
    ['/mnt/*/cache', '/mnt/a/b/cache', false],
    ['/mnt/*/cache', '/mnt/a/b', true],
    ['a.b', 'axb', true],
    ['*', 'anything', false],
  ])('excluding %s keeps %s: %j', (pattern, name, isKept) => {
    const keeps = excludeNames([pattern])
    expect([keeps(name), keeps(name)]).toEqual([isKept, isKept])
  })

  test('excludes several patterns', () => {
    const keeps = excludeNames(['lo', 'veth*', 'cali*', 'lxc*', 'ifb*', 'dummy*'])
    expect(['lo', 'veth1a2b', 'cali1', 'eth0', 'bond0', 'docker0', 'wlan0'].filter(keeps)).toEqual([
      'eth0',
      'bond0',
      'docker0',
      'wlan0',
    ])
  })

  test('returns the same results after its cache was cleared', () => {
    const keeps = excludeNames(['x*'])
    for (let index = 0; index < 10_002; index += 1) keeps(`name${index}`)
    expect([keeps('x1'), keeps('name1')]).toEqual([false, true])
  })

  test('matching keeps the names that excluding drops', () => {
    const [keeps, keepsOthers] = [includeNames(['com.docker.*']), excludeNames(['com.docker.*'])]
    for (const name of ['com.docker.compose.project', 'com.dockery', 'org.x'])
      expect(keeps(name)).toBe(!keepsOthers(name))
    expect(keeps('com.docker.compose.project')).toBe(true)
  })
})
