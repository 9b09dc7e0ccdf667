import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** How long tasks wait for processors, memory and disks. Linux with pressure stall information has it. */
export const pressure: Collector<ServerClient> = {
  async collect(client) {
    const { entity } = client.machine
    const readings = await client.pressure()
    return {
      metrics: readings.flatMap(({ resource, kind, share, total }) => {
        const attributes = { 'server.pressure.resource': resource, 'server.pressure.kind': kind }
        return [
          signals.pressureShare.point(share, entity, attributes),
          signals.pressureTime.point(total, entity, attributes),
        ]
      }),
    }
  },
}
