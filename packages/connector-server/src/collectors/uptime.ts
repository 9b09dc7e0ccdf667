import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Time since the machine was started. */
export const uptime: Collector<ServerClient> = {
  async collect(client) {
    return { metrics: [signals.uptime.point(await client.uptime(), client.machine.entity)] }
  },
}
