import { type Collector, type EntityReference, type Metric, mergeSignals, type Signals } from '@rca/core/connector'
import type { FilesystemReading, FilesystemUsage, Mount, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** How full every filesystem is. */
export const filesystems: Collector<ServerClient> = {
  async collect(client, { signal }) {
    const readings = await client.filesystems(signal)
    return mergeSignals(readings.map((reading) => toSignals(reading, client.machine.entity)))
  },
}

function toSignals({ mount, usage, problem }: FilesystemReading, host: EntityReference): Signals {
  if (usage !== undefined && usage.total === 0) return {}
  const filesystem = signals.filesystem.entity({
    id: mount.mountPoint,
    attributes: {
      'system.filesystem.mountpoint': mount.mountPoint,
      'system.filesystem.type': mount.type,
      'system.filesystem.mode': mount.readOnly ? 'ro' : 'rw',
      'system.device': mount.device,
    },
    relations: [
      { type: 'part_of', target: host },
      ...(mount.disk === undefined ? [] : [{ type: 'stored_on', target: signals.disk.reference(mount.disk) } as const]),
    ],
  })
  return {
    entities: [filesystem],
    metrics: usage === undefined ? [] : toMetrics(mount, usage),
    gaps:
      usage === undefined
        ? [{ scope: `filesystem:${mount.mountPoint}`, reason: problem ?? 'it could not be read' }]
        : [],
  }
}

function toMetrics(
  { mountPoint }: Mount,
  { total, used, available, inodes, freeInodes }: FilesystemUsage,
): (Metric | undefined)[] {
  const entity = signals.filesystem.reference(mountPoint)
  const mounted = { 'system.filesystem.mountpoint': mountPoint }
  const usage = (state: string, bytes: number) =>
    signals.filesystemUsage.point(bytes, entity, { ...mounted, 'system.filesystem.state': state })
  const inodeUsage = (state: string, count: number | undefined) =>
    signals.inodeUsage.point(count, entity, { ...mounted, 'system.filesystem.state': state })
  const usedInodes = inodes === undefined || freeInodes === undefined ? undefined : inodes - freeInodes
  return [
    signals.filesystemLimit.point(total, entity, mounted),
    signals.filesystemUtilization.point(used + available > 0 ? used / (used + available) : undefined, entity, mounted),
    usage('used', used),
    usage('free', available),
    usage('reserved', Math.max(0, total - used - available)),
    signals.inodeLimit.point(inodes, entity, mounted),
    inodeUsage('used', usedInodes),
    inodeUsage('free', freeInodes),
  ]
}
