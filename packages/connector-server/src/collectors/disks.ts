import { type Collector, type EntityReference, mergeSignals, metric, type Signals } from '@rca/core/connector'
import type { DiskReading, ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'

const deviceAttribute = { 'system.device': 'Name of the disk.' }
const directionAttributes = { ...deviceAttribute, 'disk.io.direction': '`read` or `write`.' }

export const diskSignals = {
  diskLimit: metric({
    name: 'system.disk.limit',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Size of the disk.',
    attributes: deviceAttribute,
  }),
  diskIo: metric({
    name: 'system.disk.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes read from and written to the disk.',
    attributes: directionAttributes,
  }),
  diskOperations: metric({
    name: 'system.disk.operations',
    unit: '{operation}',
    kind: 'counter',
    description: 'Completed reads and writes.',
    attributes: directionAttributes,
  }),
  diskOperationTime: metric({
    name: 'system.disk.operation_time',
    unit: 's',
    kind: 'counter',
    description: 'Total time of all reads, and of all writes.',
    attributes: directionAttributes,
  }),
  diskIoTime: metric({
    name: 'system.disk.io_time',
    unit: 's',
    kind: 'counter',
    description: 'Time with at least one operation in progress.',
    attributes: deviceAttribute,
  }),
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
