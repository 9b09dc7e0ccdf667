import { symlinkSync } from 'node:fs'
import type { NetworkInterfaceInfo } from 'node:os'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hostId } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { fixtureRoot } from '../../test/fixture-root.ts'
import { createRootReader } from './linux/root-reader.ts'
import { firstHardwareAddress, readHostname, readMachineId, toMachine } from './machine-identity.ts'

describe('readMachineId', () => {
  test('prefers the id of systemd, then of D-Bus, then of the firmware', () => {
    const root = fixtureRoot()
    const id = () => readMachineId(createRootReader(root.path), 'web-1')
    root.write('var/lib/dbus/machine-id', 'id of D-Bus\n')
    root.write('sys/class/dmi/id/product_uuid', 'id of the firmware\n')
    expect(id()).toBe('0123456789abcdef0123456789abcdef')
    root.write('etc/machine-id', 'uninitialized\n')
    expect(id()).toBe('id of D-Bus')
    root.write('var/lib/dbus/machine-id', '\n')
    expect(id()).toBe('id of the firmware')
  })
})

describe('toMachine', () => {
  test('exposes the id only as a hash', () => {
    const machine = toMachine('0123456789abcdef0123456789abcdef', 'web-1')
    expect(machine.hashedId).toMatch(/^[0-9a-f]{32}$/)
    expect(machine.hashedId).not.toBe(machine.id)
    expect(machine.hashedId).toBe(hostId(machine.id))
    expect(machine.entity).toEqual({ type: 'host', id: machine.hashedId })
    expect(toMachine('1', 'web-1').hashedId).not.toBe(machine.hashedId)
  })
})

describe('readHostname', () => {
  test.each([
    ['a name', 'web-1\n'],
    ['a comment before the name', '# written by the installer\n\nweb-1\n'],
    ['a comment after the name', '  web-1 # the first\n'],
    ['two lines', 'web-1\nweb-2\n'],
    ['a line that is not a name', 'not a name\nweb-1\n'],
    ['a line break of Windows', 'web-1\r\n'],
  ])('reads %s below another root', (_what, text) => {
    const root = fixtureRoot()
    root.write('etc/hostname', text)
    expect(readHostname(createRootReader(root.path))).toEqual({ hostname: 'web-1' })
  })

  test.each(['', '# a comment\n', 'not a name\n'])('says that it uses the name of the kernel for "%s"', (text) => {
    const root = fixtureRoot()
    root.write('etc/hostname', text)
    const problem = expect.stringContaining(`etc/hostname has no name of the host: reporting \`${hostname()}\``)
    expect(readHostname(createRootReader(root.path))).toEqual({ hostname: hostname(), problem })
    root.remove('etc/hostname')
    expect(readHostname(createRootReader(root.path))).toEqual({ hostname: hostname(), problem })
  })

  test('uses the name of the kernel without another root', () => {
    expect(readHostname(createRootReader('/'))).toEqual({ hostname: hostname() })
  })

  test('follows absolute links below the root', () => {
    const root = fixtureRoot()
    const link = (target: string): void => {
      root.remove('etc/hostname')
      symlinkSync(target, join(root.path, 'etc/hostname'))
    }
    const read = (): string => readHostname(createRootReader(root.path)).hostname
    root.write('nix/store/etc/hostname', 'nix-1\n')
    symlinkSync('/nix/store/etc', join(root.path, 'etc/static'))
    link('/etc/static/hostname')
    expect(read()).toBe('nix-1')
    link('../../../nix/./store/etc/hostname')
    expect(read()).toBe('nix-1')
    link('/etc/hostname')
    expect(read()).toBe(hostname())
  })
})

test('firstHardwareAddress skips internal and locally administered addresses', () => {
  const network = (mac: string, internal = false) => [{ mac, internal } as NetworkInterfaceInfo]
  const eth1 = network('00:1b:21:aa:bb:cc')
  const interfaces = {
    eth1,
    docker0: network('02:42:ac:11:00:02'),
    lo: network('00:00:00:00:00:00', true),
    tun0: network('00:00:00:00:00:00'),
  }
  expect(firstHardwareAddress(interfaces)).toBe('00:1b:21:aa:bb:cc')
  expect(firstHardwareAddress({ ...interfaces, eth0: network('00:1b:21:00:00:01') })).toBe('00:1b:21:00:00:01')
  expect(firstHardwareAddress({ ...interfaces, eth1: undefined })).toBeUndefined()
})
