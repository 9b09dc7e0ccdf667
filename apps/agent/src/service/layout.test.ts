import { expect, test } from 'vitest'
import { createLayout } from './layout.ts'

test('a layout is below its prefix, and configuration and state are not', () => {
  expect(createLayout('linux', '/srv//agent/')).toMatchObject({
    prefix: '/srv/agent',
    program: '/srv/agent/current/bin/rca-agent',
    environmentFile: '/etc/rca-agent/agent.env',
    state: '/var/lib/rca-agent',
  })
})

test.each(['opt', '/opt/a b', '/opt/$HOME', '/opt/"', '/'])('refuses the prefix %j', (prefix) => {
  expect(() => createLayout('linux', prefix)).toThrow('--prefix')
})

test('refuses Windows, whose services are not supported', () => {
  expect(() => createLayout('win32', 'C:\\rca-agent')).toThrow('service of Windows')
})
