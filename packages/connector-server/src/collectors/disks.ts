import { type Collector, type EntityReference, mergeSignals, type Signals } from '@rca/core/connector'
import type { DiskReading, ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'
import { counter, upDownCounter } from '../metrics.ts'

const deviceAttribute = { 'system.device': 'Name of the disk.' }
const directionAttributes = { ...deviceAttribute, 'disk.io.direction': '`read` or `write`.' }

export const diskSignals = {
  diskLimit: upDownCounter('system.disk.limit', 'By', 'Size of the disk.', deviceAttribute),
  diskIo: counter('system.disk.io', 'By', 'Bytes read from and written to the disk.', directionAttributes),
  diskOperations: counter('system.disk.operations', '{operation}', 'Completed reads and writes.', directionAttributes),
  diskOperationTime: counter(
    'system.disk.operation_time',
    's',
    'Total time of all reads, and of all writes.',
    directionAttributes,
  ),
  diskIoTime: counter('system.disk.io_time', 's', 'Time with at least one operation in progress.', deviceAttribute),
}

/** Size, reads and writes of every disk. */
export const disks: Collector<ServerClient> = {
  async collect(client) {
    const readings = await client.disks()
    return mergeSignals(readings.map((reading) => toSignals(reading, client.machine.entity)))
  },
}

function toSignals(disk: DiskReading, host: EntityReference): Signals {
  const device = { 'system.device': disk.name }
  const read = { ...device, 'disk.io.direction': 'read' }
  const write = { ...device, 'disk.io.direction': 'write' }
  const entity = entities.disk.entity({
    id: disk.name,
    attributes: device,
    relations: [{ type: 'part_of', target: host }],
  })
  return {
    entities: [entity],
    metrics: [
      diskSignals.diskLimit.point(disk.bytes, entity, device),
      diskSignals.diskIo.point(disk.bytesRead, entity, read),
      diskSignals.diskIo.point(disk.bytesWritten, entity, write),
      diskSignals.diskOperations.point(disk.reads, entity, read),
      diskSignals.diskOperations.point(disk.writes, entity, write),
      diskSignals.diskOperationTime.point(disk.readTime, entity, read),
      diskSignals.diskOperationTime.point(disk.writeTime, entity, write),
      diskSignals.diskIoTime.point(disk.busyTime, entity, device),
    ],
  }
}
