import {
  type Collector,
  type EntityReference,
  type Metric,
  mergeSignals,
  metric,
  type Signals,
} from '@rca/core/connector'
import type { FilesystemReading, FilesystemUsage, Mount, ServerClient } from '../client/server-client.ts'
import { entities, mountPointAttribute } from '../entities.ts'

export const filesystemSignals = {
  filesystemLimit: metric({
    name: 'system.filesystem.limit',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the filesystem.',
    attributes: mountPointAttribute,
  }),
  filesystemUsage: metric({
    name: 'system.filesystem.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Space by state. The states add up to the limit.',
    attributes: {
      ...mountPointAttribute,
      'system.filesystem.state': '`used`, `free` or `reserved` (free for root only).',
    },
  }),
  filesystemUtilization: metric({
    name: 'system.filesystem.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Used share of the space that is not reserved, as df(1) shows it.',
    attributes: mountPointAttribute,
  }),
  inodeLimit: metric({
    name: 'server.filesystem.inode.limit',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes that the filesystem can hold. Absent for filesystems that create inodes on demand.',
    attributes: mountPointAttribute,
  }),
  inodeUsage: metric({
    name: 'server.filesystem.inode.usage',
    unit: '{inode}',
    kind: 'updowncounter',
    description: 'Inodes by state.',
    attributes: { ...mountPointAttribute, 'system.filesystem.state': '`used` or `free`.' },
  }),
}

/** Space and inodes of every filesystem. */
export const filesystems: Collector<ServerClient> = {
  async collect(client, { signal }) {
    const readings = await client.filesystems(signal)
    return mergeSignals(readings.map((reading) => toSignals(reading, client.machine.entity)))
  },
}

function toSignals({ mount, usage, problem }: FilesystemReading, host: EntityReference): Signals {
  if (usage !== undefined && usage.total === 0) return {}
  const filesystem = entities.filesystem.entity({
    id: mount.mountPoint,
    attributes: {
      'system.filesystem.mountpoint': mount.mountPoint,
      'system.filesystem.type': mount.type,
      'system.filesystem.mode': mount.readOnly ? 'ro' : 'rw',
      'system.device': mount.device,
    },
    relations: [
      { type: 'part_of', target: host },
      ...(mount.disk === undefined
        ? []
        : [{ type: 'stored_on', target: entities.disk.reference(mount.disk) } as const]),
    ],
  })
  return {
    entities: [filesystem],
    metrics: usage === undefined ? [] : toMetrics(mount, usage),
    gaps:
      usage === undefined
        ? [{ scope: `filesystem:${mount.mountPoint}`, reason: problem ?? 'cannot read the filesystem' }]
        : [],
  }
}

function toMetrics(
  { mountPoint }: Mount,
  { total, used, available, inodes, freeInodes }: FilesystemUsage,
): (Metric | undefined)[] {
  const entity = entities.filesystem.reference(mountPoint)
  const mounted = { 'system.filesystem.mountpoint': mountPoint }
  const usage = (state: string, bytes: number) =>
    filesystemSignals.filesystemUsage.point(bytes, entity, { ...mounted, 'system.filesystem.state': state })
  const inodeUsage = (state: string, count: number | undefined) =>
    filesystemSignals.inodeUsage.point(count, entity, { ...mounted, 'system.filesystem.state': state })
  const usedInodes = inodes === undefined || freeInodes === undefined ? undefined : inodes - freeInodes
  const utilization = used + available > 0 ? used / (used + available) : undefined
  return [
    filesystemSignals.filesystemLimit.point(total, entity, mounted),
    filesystemSignals.filesystemUtilization.point(utilization, entity, mounted),
    usage('used', used),
    usage('free', available),
    usage('reserved', Math.max(0, total - used - available)),
    filesystemSignals.inodeLimit.point(inodes, entity, mounted),
    inodeUsage('used', usedInodes),
    inodeUsage('free', freeInodes),
  ]
}
