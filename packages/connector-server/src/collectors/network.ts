import { type Collector, type EntityReference, mergeSignals, type Signals } from '@rca/core/connector'
import type { NetworkInterfaceReading, ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'
import { counter } from '../metrics.ts'

const directionAttributes = {
  'network.interface.name': 'Name of the interface.',
  'network.io.direction': '`receive` or `transmit`.',
}

export const networkSignals = {
  networkIo: counter('system.network.io', 'By', 'Bytes received and sent.', directionAttributes),
  networkPackets: counter('system.network.packet.count', '{packet}', 'Packets received and sent.', directionAttributes),
  networkErrors: counter('system.network.errors', '{error}', 'Packets lost to an error.', directionAttributes),
  networkDropped: counter(
    'system.network.packet.dropped',
    '{packet}',
    'Packets dropped without an error.',
    directionAttributes,
  ),
}

/** Traffic, errors and drops of every network interface. */
export const network: Collector<ServerClient> = {
  async collect(client) {
    const readings = await client.networkInterfaces()
    return mergeSignals(readings.map((reading) => toSignals(reading, client.machine.entity)))
  },
}

function toSignals(reading: NetworkInterfaceReading, host: EntityReference): Signals {
  const name = { 'network.interface.name': reading.name }
  const receive = { ...name, 'network.io.direction': 'receive' }
  const transmit = { ...name, 'network.io.direction': 'transmit' }
  const entity = entities.networkInterface.entity({
    id: reading.name,
    attributes: name,
    relations: [{ type: 'part_of', target: host }],
  })
  return {
    entities: [entity],
    metrics: [
      networkSignals.networkIo.point(reading.bytesReceived, entity, receive),
      networkSignals.networkIo.point(reading.bytesSent, entity, transmit),
      networkSignals.networkPackets.point(reading.packetsReceived, entity, receive),
      networkSignals.networkPackets.point(reading.packetsSent, entity, transmit),
      networkSignals.networkErrors.point(reading.receiveErrors, entity, receive),
      networkSignals.networkErrors.point(reading.sendErrors, entity, transmit),
      networkSignals.networkDropped.point(reading.receiveDrops, entity, receive),
      networkSignals.networkDropped.point(reading.sendDrops, entity, transmit),
    ],
  }
}
