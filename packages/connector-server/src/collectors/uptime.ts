import { type Collector, metric } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'

export const uptimeSignals = {
  uptime: metric({ name: 'system.uptime', unit: 's', kind: 'gauge', description: 'Time since boot.' }),
}

/** Time since boot. */
export const uptime: Collector<ServerClient> = {
  async collect(client) {
    return { metrics: [uptimeSignals.uptime.point(await client.uptime(), client.machine.entity)] }
  },
}
