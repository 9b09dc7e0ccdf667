import type { NetworkInterfaceInfo } from 'node:os'
import { hostname } from 'node:os'
import { hostId } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { fixtureRoot } from '../../test/fixture-root.ts'
import { createRootReader } from './linux/root-reader.ts'
import { firstHardwareAddress, readHostname, readMachineId, toMachine } from './machine-identity.ts'

describe('the machine’s id', () => {
  test('is that of systemd, of D-Bus, of the firmware, in this order', () => {
    const root = fixtureRoot()
    const id = () => readMachineId(createRootReader(root.path), 'web-1')
    root.write('var/lib/dbus/machine-id', 'of D-Bus\n')
    root.write('sys/class/dmi/id/product_uuid', 'of the firmware\n')
    expect(id()).toBe('0123456789abcdef0123456789abcdef')
    root.write('etc/machine-id', 'uninitialized\n')
    expect(id()).toBe('of D-Bus')
    root.write('var/lib/dbus/machine-id', '\n')
    expect(id()).toBe('of the firmware')
  })

  test('leaves the process only as a hash', () => {
    const machine = toMachine('0123456789abcdef0123456789abcdef', 'web-1')
    expect(machine.hashedId).toMatch(/^[0-9a-f]{32}$/)
    expect(machine.hashedId).not.toBe(machine.id)
    expect(machine.hashedId).toBe(hostId(machine.id))
    expect(machine.entity).toEqual({ type: 'host', id: machine.hashedId })
    expect(toMachine('1', 'web-1').hashedId).not.toBe(machine.hashedId)
  })
})

test('the host’s name', () => {
  const root = fixtureRoot()
  expect(readHostname(createRootReader(root.path))).toBe('web-1')
  root.remove('etc/hostname')
  expect(readHostname(createRootReader(root.path))).toBe(hostname())
  expect(readHostname(createRootReader('/'))).toBe(hostname())
})

test('the first network card with an address of its own', () => {
  const card = (mac: string, internal = false) => [{ mac, internal } as NetworkInterfaceInfo]
  const own = card('00:1b:21:aa:bb:cc')
  const cards = {
    eth1: own,
    docker0: card('02:42:ac:11:00:02'),
    lo: card('00:00:00:00:00:00', true),
    tun0: card('00:00:00:00:00:00'),
  }
  expect(firstHardwareAddress(cards)).toBe('00:1b:21:aa:bb:cc')
  expect(firstHardwareAddress({ ...cards, eth0: card('00:1b:21:00:00:01') })).toBe('00:1b:21:00:00:01')
  expect(firstHardwareAddress({ ...cards, eth1: undefined })).toBeUndefined()
})
