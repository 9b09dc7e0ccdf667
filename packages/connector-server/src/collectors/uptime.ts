import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { gauge } from '../metrics.ts'

export const uptimeSignals = {
  uptime: gauge('system.uptime', 's', 'Time since boot.'),
}

/** Time since boot. */
export const uptime: Collector<ServerClient> = {
  async collect(client) {
    return { metrics: [uptimeSignals.uptime.point(await client.uptime(), client.machine.entity)] }
  },
}
