import { describe, expect, test } from 'vitest'
import { hidesProcesses } from './hidden-processes.ts'

describe('hidesProcesses', () => {
  const table = (options: string): string =>
    `43 1 0:5 / / rw - ext4 /dev/sda1 rw\n45 43 0:21 / /proc rw,relatime shared:1 - proc proc ${options}\n`
  const user = { capabilities: 0n, groups: [1000] }
  const root = { capabilities: 0x1ffffffffffn, groups: [0] }

  test.each([
    ['rw', user, false],
    ['rw,hidepid=off', user, false],
    ['rw,hidepid=0', user, false],
    ['rw,hidepid=1', user, true],
    ['rw,hidepid=2', user, true],
    ['rw,hidepid=2', root, false],
    ['rw,gid=1000,hidepid=invisible', user, false],
    ['rw,gid=27,hidepid=invisible', user, true],
    ['rw,hidepid=2', { capabilities: 0n, groups: [0] }, false],
    ['rw,gid=1000,hidepid=ptraceable', user, true],
    ['rw,hidepid=4', root, false],
  ])('with the options `%s`', (options, permissions, expected) => {
    expect(hidesProcesses(table(options), permissions)).toBe(expected)
  })

  test('uses the uppermost of several mounts', () => {
    expect(hidesProcesses(table('rw,hidepid=2') + table('rw'), user)).toBe(false)
    expect(hidesProcesses(table('rw') + table('rw,hidepid=2'), user)).toBe(true)
    expect(hidesProcesses('', user)).toBe(false)
  })
})
