import { entity } from '@rca/core/connector'

export const processAttributes = {
  'process.pid': 'Id of the process.',
  'process.executable.name': 'Name of the program, without its arguments.',
} as const

export const unitAttributes = {
  'systemd.unit.name': 'Name of the unit.',
  'systemd.unit.result':
    'Reason of the failure, in the words of systemd: `exit-code`, `signal`, `timeout`, `oom-kill` …',
  'process.exit.code': 'Exit code of the main process.',
  'server.process.exit_signal': 'Number of the signal that ended the main process.',
} as const

export const mountPointAttribute = { 'system.filesystem.mountpoint': 'Mount point.' } as const

/**
 * The entities of a server. Collectors describe them; other collectors and events refer to them.
 *
 * Names here and in the collectors follow the OpenTelemetry semantic conventions for systems and processes. Load
 * averages are named as by the host metrics receiver of the OpenTelemetry Collector. Names that neither defines
 * start with `server.`.
 */
export const entities = {
  host: entity({
    type: 'host',
    description: 'A server: a physical or virtual machine.',
    attributes: {
      'host.name': 'Name of the host.',
      'host.id': 'Hash of the id that the operating system gives the machine.',
      'host.arch': 'Architecture of the processor, such as `amd64`.',
      'host.cpu.model.name': 'Model of the processor.',
      'host.cpu.vendor.id': 'Vendor of the processor.',
      'host.ip': 'Addresses that other hosts can reach.',
      'host.mac': 'Hardware addresses of the network interfaces.',
      'os.type': '`linux`, `darwin` or `windows`.',
      'os.name': 'Name of the operating system or distribution.',
      'os.version': 'Version of the operating system or distribution.',
      'os.description': 'Name and version for people.',
      'server.kernel.release': 'Release of the kernel.',
      'server.boot.id': 'Id of the current boot. Changes with every boot.',
      'server.manufacturer': 'Manufacturer of the machine.',
      'server.model': 'Model of the machine.',
      'server.hypervisor': 'Hypervisor of a virtual machine.',
    },
  }),
  filesystem: entity({
    type: 'filesystem',
    description: 'A mounted filesystem that holds data.',
    attributes: {
      ...mountPointAttribute,
      'system.filesystem.type': 'Type, such as `ext4`.',
      'system.filesystem.mode': '`rw` or `ro`.',
      'system.device': 'Device, share or dataset that is mounted.',
    },
    relations: { part_of: 'The host.', stored_on: 'The disk below, if the device is a disk or a part of one.' },
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
    description: 'A systemd unit in the state `failed`. It exists until the unit leaves that state.',
    attributes: { ...unitAttributes, 'systemd.unit.description': 'Description of the unit.' },
    relations: { part_of: 'The host.' },
  }),
}
