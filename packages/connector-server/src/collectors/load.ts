import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { gauge } from '../metrics.ts'

export const loadSignals = {
  loadAverage1m: gauge('system.cpu.load_average.1m', '{thread}', averagedOver('one minute')),
  loadAverage5m: gauge('system.cpu.load_average.5m', '{thread}', averagedOver('five minutes')),
  loadAverage15m: gauge('system.cpu.load_average.15m', '{thread}', averagedOver('fifteen minutes')),
}

function averagedOver(period: string): string {
  return `Threads that ran or waited for a processor or disk, averaged over ${period}.`
}

/** Load averages. Windows has none. */
export const load: Collector<ServerClient> = {
  async collect(client) {
    const [one, five, fifteen] = (await client.loadAverage()) ?? []
    const { entity } = client.machine
    return {
      metrics: [
        loadSignals.loadAverage1m.point(one, entity),
        loadSignals.loadAverage5m.point(five, entity),
        loadSignals.loadAverage15m.point(fifteen, entity),
      ],
    }
  },
}
