import { expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseOsRelease } from './linux-host-facts.ts'

test('parseOsRelease unquotes values and skips comments', () => {
  const values = parseOsRelease(fixture('linux-vm/etc/os-release'))
  expect(values.get('PRETTY_NAME')).toBe('Debian GNU/Linux 12 (bookworm)')
  expect(values.get('VERSION_ID')).toBe('12')
  expect(parseOsRelease(`# x\nNAME='A "B"'\nVERSION="a\\"b\\$c"\nID=debian\n`)).toEqual(
    new Map([
      ['NAME', 'A "B"'],
      ['VERSION', 'a"b$c'],
      ['ID', 'debian'],
    ]),
  )
})
