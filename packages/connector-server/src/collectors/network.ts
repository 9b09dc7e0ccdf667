import { type Collector, type EntityReference, mergeSignals, type Signals } from '@rca/core/connector'
import type { NetworkInterfaceReading, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** What every network interface receives and sends, and what is lost. */
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
  const entity = signals.networkInterface.entity({
    id: reading.name,
    attributes: name,
    relations: [{ type: 'part_of', target: host }],
  })
  return {
    entities: [entity],
    metrics: [
      signals.networkIo.point(reading.bytesReceived, entity, receive),
      signals.networkIo.point(reading.bytesSent, entity, transmit),
      signals.networkPackets.point(reading.packetsReceived, entity, receive),
      signals.networkPackets.point(reading.packetsSent, entity, transmit),
      signals.networkErrors.point(reading.receiveErrors, entity, receive),
      signals.networkErrors.point(reading.sendErrors, entity, transmit),
      signals.networkDropped.point(reading.receiveDrops, entity, receive),
      signals.networkDropped.point(reading.sendDrops, entity, transmit),
    ],
  }
}
