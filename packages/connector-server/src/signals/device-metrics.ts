import { metric } from '@rca/core/connector'
import { direction, mountPoint } from './attributes.ts'

/** What is measured of filesystems, disks and network interfaces. */
export const deviceMetrics = {
  filesystemLimit: metric({
    name: 'system.filesystem.limit',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the filesystem.',
    attributes: mountPoint,
  }),
  filesystemUsage: metric({
    name: 'system.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Space by use. The states add up to the limit.',
    attributes: {
      ...mountPoint,
      'system.filesystem.state': '`used`, `free` or `reserved` (free, but for root alone).',
    },
  }),
  filesystemUtilization: metric({
    name: 'system.filesystem.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Used share of the space that is not reserved, as df(1) shows it.',
    attributes: mountPoint,
  }),
  inodeLimit: metric({
    name: 'server.filesystem.inode.limit',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes that the filesystem can hold. Absent where it makes them as it needs them.',
    attributes: mountPoint,
  }),
  inodeUsage: metric({
    name: 'server.filesystem.inode.usage',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes by use.',
    attributes: { ...mountPoint, 'system.filesystem.state': '`used` or `free`.' },
  }),
  diskLimit: metric({
    name: 'system.disk.limit',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the disk.',
    attributes: { 'system.device': 'Name of the disk.' },
  }),
  diskIo: metric({
    name: 'system.disk.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes read from and written to the disk.',
    attributes: direction.disk,
  }),
  diskOperations: metric({
    name: 'system.disk.operations',
    unit: '{operation}',
    kind: 'counter',
    description: 'Reads and writes that the disk completed.',
    attributes: direction.disk,
  }),
  diskOperationTime: metric({
    name: 'system.disk.operation_time',
    unit: 's',
    kind: 'counter',
    description: 'Time that all reads, and all writes, took together.',
    attributes: direction.disk,
  }),
  diskIoTime: metric({
    name: 'system.disk.io_time',
    unit: 's',
    kind: 'counter',
    description: 'Time in which at least one operation was under way.',
    attributes: { 'system.device': 'Name of the disk.' },
  }),
  networkIo: metric({
    name: 'system.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes received and sent.',
    attributes: direction.network,
  }),
  networkPackets: metric({
    name: 'system.network.packet.count',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets received and sent.',
    attributes: direction.network,
  }),
  networkErrors: metric({
    name: 'system.network.errors',
    unit: '{error}',
    kind: 'counter',
    description: 'Packets that were lost to an error.',
    attributes: direction.network,
  }),
  networkDropped: metric({
    name: 'system.network.packet.dropped',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets that were dropped without an error.',
    attributes: direction.network,
  }),
}
