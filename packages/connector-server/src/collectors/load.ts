import { type Collector, metric } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'

export const loadSignals = {
  loadAverage1m: metric({
    name: 'system.cpu.load_average.1m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over one minute.',
  }),
  loadAverage5m: metric({
    name: 'system.cpu.load_average.5m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over five minutes.',
  }),
  loadAverage15m: metric({
    name: 'system.cpu.load_average.15m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over fifteen minutes.',
  }),
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
