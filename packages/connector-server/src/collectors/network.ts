import { type Collector, type EntityReference, mergeSignals, metric, type Signals } from '@rca/core/connector'
import type { NetworkInterfaceReading, ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'

const directionAttributes = {
  'network.interface.name': 'Name of the interface.',
  'network.io.direction': '`receive` or `transmit`.',
}

export const networkSignals = {
  networkIo: metric({
    name: 'system.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes received and sent.',
    attributes: directionAttributes,
  }),
  networkPackets: metric({
    name: 'system.network.packet.count',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets received and sent.',
    attributes: directionAttributes,
  }),
  networkErrors: metric({
    name: 'system.network.errors',
    unit: '{error}',
    kind: 'counter',
    description: 'Packets lost to an error.',
    attributes: directionAttributes,
  }),
  networkDropped: metric({
    name: 'system.network.packet.dropped',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets dropped without an error.',
    attributes: directionAttributes,
  }),
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
