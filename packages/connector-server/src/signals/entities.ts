import { entity } from '@rca/core/connector'
import { unit } from './attributes.ts'

/** What there is on a machine. */
export const entities = {
  host: entity({
    type: 'host',
    description: 'A server: a physical or virtual machine.',
    attributes: {
      'host.name': 'Name of the host.',
      'host.id': 'Hash of the id that the system gives the machine.',
      'host.arch': 'Architecture of the processor, such as `amd64`.',
      'host.cpu.model.name': 'Model of the processor.',
      'host.cpu.vendor.id': 'Maker of the processor.',
      'host.ip': 'Addresses that others can reach.',
      'host.mac': 'Hardware addresses of the network cards.',
      'os.type': '`linux`, `darwin` or `windows`.',
      'os.name': 'Name of the operating system or distribution.',
      'os.version': 'Version of the operating system or distribution.',
      'os.description': 'Name and version for people.',
      'server.kernel.release': 'Release of the kernel.',
      'server.boot.id': 'Id of the current run of the machine: another one after every start.',
      'server.manufacturer': 'Maker of the machine.',
      'server.model': 'Model of the machine.',
      'server.hypervisor': 'Hypervisor of a virtual machine.',
    },
  }),
  filesystem: entity({
    type: 'filesystem',
    description: 'A mounted filesystem that holds data.',
    attributes: {
      'system.filesystem.mountpoint': 'Where it is mounted.',
      'system.filesystem.type': 'Its type, such as `ext4`.',
      'system.filesystem.mode': '`rw` or `ro`.',
      'system.device': 'The device, share or dataset that is mounted.',
    },
    relations: { part_of: 'The host.', stored_on: 'The disk below, where it is one.' },
  }),
  disk: entity({
    type: 'disk',
    description: 'A disk or volume; on macOS the sum of all disks, named `all`.',
    attributes: { 'system.device': 'Name of the disk.' },
    relations: { part_of: 'The host.' },
  }),
  networkInterface: entity({
    type: 'network.interface',
    description: 'A network interface.',
    attributes: { 'network.interface.name': 'Name of the interface.' },
    relations: { part_of: 'The host.' },
  }),
  systemdUnit: entity({
    type: 'systemd.unit',
    description: 'A systemd unit that has failed. It is there as long as it is failed.',
    attributes: { ...unit, 'systemd.unit.description': 'What the unit is, in its own words.' },
    relations: { part_of: 'The host.' },
  }),
}
