import { type Collector, type EntityReference, type Metric, mergeSignals, type Signals } from '@rca/core/connector'
import type { FilesystemReading, FilesystemUsage, ServerClient } from '../client/server-client.ts'
import { entities, mountPointAttribute } from '../entities.ts'
import { gauge, upDownCounter } from '../metrics.ts'

export const filesystemSignals = {
  filesystemLimit: upDownCounter('system.filesystem.limit', 'By', 'Size of the filesystem.', mountPointAttribute),
  filesystemUsage: upDownCounter('system.filesystem.usage', 'By', 'Space by state. The states add up to the limit.', {
    ...mountPointAttribute,
    'system.filesystem.state': '`used`, `free` or `reserved` (free for root only).',
  }),
  filesystemUtilization: gauge(
    'system.filesystem.utilization',
    '1',
    'Used share of the space that is not reserved, as df(1) shows it.',
    mountPointAttribute,
  ),
  inodeLimit: upDownCounter(
    'server.filesystem.inode.limit',
    '{inode}',
    'Inodes that the filesystem can hold. Absent for filesystems that create inodes on demand.',
    mountPointAttribute,
  ),
  inodeUsage: upDownCounter('server.filesystem.inode.usage', '{inode}', 'Inodes by state.', {
    ...mountPointAttribute,
    'system.filesystem.state': '`used` or `free`.',
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
  if (usage?.total === 0) return {}
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
  if (usage !== undefined) return { entities: [filesystem], metrics: toMetrics(filesystem, usage) }
  const gap = { scope: `filesystem:${mount.mountPoint}`, reason: problem ?? 'cannot read the filesystem' }
  return { entities: [filesystem], gaps: [gap] }
}

function toMetrics(
  entity: EntityReference,
  { total, used, available, inodes, freeInodes }: FilesystemUsage,
): (Metric | undefined)[] {
  const mounted = { 'system.filesystem.mountpoint': entity.id }
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
