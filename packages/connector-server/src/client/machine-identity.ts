import { networkInterfaces, hostname as systemHostname } from 'node:os'
import { hostId } from '@rca/core/connector'
import { entities } from '../entities.ts'
import type { RootReader } from './linux/root-reader.ts'
import type { Machine } from './server-client.ts'

export function toMachine(id: string, hostname: string): Machine {
  const hashedId = hostId(id)
  return { id, hashedId, hostname, entity: entities.host.reference(hashedId) }
}

/**
 * Reads the id of a Linux installation: that of systemd, D-Bus or the firmware, else the host name and the address
 * of the first physical network interface.
 *
 * @throws Error when the machine has none of these.
 */
export function readMachineId(reader: RootReader, hostname: string): string {
  for (const file of ['etc/machine-id', 'var/lib/dbus/machine-id', 'sys/class/dmi/id/product_uuid']) {
    const id = attempt(() => reader.hostText(file)?.trim())
    // Images that were never booted contain `uninitialized`.
    if (id !== undefined && id !== '' && id !== 'uninitialized') return id
  }
  const address = firstHardwareAddress()
  if (address !== undefined) return `${hostname}/${address}`
  throw new Error(
    `No stable machine id in ${reader.resolve('etc/machine-id')}, D-Bus, the firmware or a network interface. Run \`systemd-machine-id-setup\` once`,
  )
}

/** Name of a host. */
export interface Hostname {
  readonly hostname: string
  /** Why `hostname` is the name of this container, and not of the host. */
  readonly problem?: string
}

/** Reads the name of the host whose root directory is read: below another root, the first name in hostname(5). */
export function readHostname(reader: RootReader): Hostname {
  const hostname = systemHostname()
  if (reader.root === '/') return { hostname }
  const text = attempt(() => reader.hostText('etc/hostname')) ?? ''
  const name = text.split('\n').flatMap((line) => /^\s*([\w.-]{1,253})\s*(?:#.*)?$/.exec(line)?.[1] ?? [])[0]
  if (name !== undefined) return { hostname: name }
  const file = reader.resolve('etc/hostname')
  return { hostname, problem: `${file} has no name of the host: reporting \`${hostname}\`, the name of this container` }
}

/**
 * Returns the hardware address of the first network interface by name. Skips locally administered addresses
 * (containers, tunnels), which change.
 */
export function firstHardwareAddress(interfaces = networkInterfaces()): string | undefined {
  return Object.entries(interfaces)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, addresses = []]) => addresses)
    .find(
      ({ mac, internal }) =>
        !internal && mac !== '00:00:00:00:00:00' && (Number.parseInt(mac.slice(0, 2), 16) & 2) === 0,
    )?.mac
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
