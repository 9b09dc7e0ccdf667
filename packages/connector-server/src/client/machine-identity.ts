import { networkInterfaces, hostname as systemHostname } from 'node:os'
import { hostId } from '@rca/core/connector'
import { signals } from '../signals.ts'
import type { RootReader } from './linux/root-reader.ts'
import type { Machine } from './server-client.ts'

/** A machine, from the id that its system gives it. */
export function toMachine(id: string, hostname: string): Machine {
  const hashedId = hostId(id)
  return { id, hashedId, hostname, entity: signals.host.reference(hashedId) }
}

/**
 * The id of the installation on a Linux system: that of systemd, that of D-Bus, that of the firmware, or else the host's
 * name and its first network card with an address of its own.
 *
 * @throws Error when there is none of these.
 */
export function readMachineId(reader: RootReader, hostname: string): string {
  for (const file of ['etc/machine-id', 'var/lib/dbus/machine-id', 'sys/class/dmi/id/product_uuid']) {
    const id = attempt(() => reader.text(file).trim())
    // `uninitialized` stands in images that have not been started yet.
    if (id !== undefined && id !== '' && id !== 'uninitialized') return id
  }
  const card = firstHardwareAddress()
  if (card !== undefined) return `${hostname}/${card}`
  throw new Error(
    `No stable identity: neither ${reader.resolve('etc/machine-id')} nor a network card has one. Run \`systemd-machine-id-setup\` once`,
  )
}

/** The name of the host whose root folder is read. */
export function readHostname(reader: RootReader): string {
  if (reader.root === '/') return systemHostname()
  return attempt(() => reader.text('etc/hostname').trim()) || systemHostname()
}

/** The hardware address of the first network card, in the order of their names. Locally administered ones (containers, tunnels) change and do not count. */
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
