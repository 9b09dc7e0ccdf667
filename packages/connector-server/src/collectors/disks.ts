import { type Collector, mergeSignals, type Relation, type Signals } from '@rca/core'
import { partOfHost } from '../relations.ts'
import type { DiskReading, ServerClient } from '../server-client.ts'
import { signals } from '../signals.ts'

/** What every disk reads and writes. */
export const disks: Collector<ServerClient> = {
  async collect(client) {
    const readings = await client.disks()
    return mergeSignals(readings.map((reading) => toSignals(reading, partOfHost(client))))
  },
}

function toSignals(disk: DiskReading, partOf: Relation): Signals {
  const device = { 'system.device': disk.name }
  const read = { ...device, 'disk.io.direction': 'read' }
  const write = { ...device, 'disk.io.direction': 'write' }
  const entity = signals.disk.entity({ id: disk.name, attributes: device, relations: [partOf] })
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
