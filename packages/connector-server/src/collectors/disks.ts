import { type Collector, type EntityReference, mergeSignals, type Signals } from '@rca/core/connector'
import type { DiskReading, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** What every disk reads and writes. */
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
  const entity = signals.disk.entity({
    id: disk.name,
    attributes: device,
    relations: [{ type: 'part_of', target: host }],
  })
  return {
    entities: [entity],
    metrics: [
      signals.diskLimit.point(disk.bytes, entity, device),
      signals.diskIo.point(disk.bytesRead, entity, read),
      signals.diskIo.point(disk.bytesWritten, entity, write),
      signals.diskOperations.point(disk.reads, entity, read),
      signals.diskOperations.point(disk.writes, entity, write),
      signals.diskOperationTime.point(disk.readTime, entity, read),
      signals.diskOperationTime.point(disk.writeTime, entity, write),
      signals.diskIoTime.point(disk.busyTime, entity, device),
    ],
  }
}
