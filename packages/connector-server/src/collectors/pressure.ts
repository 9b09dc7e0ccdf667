import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { counter, gauge } from '../metrics.ts'

const pressureAttributes = {
  'server.pressure.resource': '`cpu`, `io`, `memory` or `irq`.',
  'server.pressure.kind': '`some` (at least one task waited) or `full` (all tasks waited).',
}

export const pressureSignals = {
  pressureShare: gauge(
    'server.pressure.share',
    '1',
    'Share of the last ten seconds in which tasks waited for a resource (pressure stall information).',
    pressureAttributes,
  ),
  pressureTime: counter(
    'server.pressure.time',
    's',
    'Time in which tasks waited for a resource (pressure stall information).',
    pressureAttributes,
  ),
}

/** Time that tasks wait for processors, memory and disks. Linux with pressure stall information only. */
export const pressure: Collector<ServerClient> = {
  async collect(client) {
    const { entity } = client.machine
    const readings = await client.pressure()
    return {
      metrics: readings.flatMap(({ resource, kind, share, total }) => {
        const attributes = { 'server.pressure.resource': resource, 'server.pressure.kind': kind }
        return [
          pressureSignals.pressureShare.point(share, entity, attributes),
          pressureSignals.pressureTime.point(total, entity, attributes),
        ]
      }),
    }
  },
}
