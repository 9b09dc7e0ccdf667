import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** The load averages. Windows has none. */
export const load: Collector<ServerClient> = {
  async collect(client) {
    const [one, five, fifteen] = (await client.loadAverage()) ?? []
    const { entity } = client.machine
    return {
      metrics: [
        signals.loadAverage1m.point(one, entity),
        signals.loadAverage5m.point(five, entity),
        signals.loadAverage15m.point(fifteen, entity),
      ],
    }
  },
}
