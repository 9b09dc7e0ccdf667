import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Memory by use. */
export const memory: Collector<ServerClient> = {
  async collect(client) {
    const { total, free, available, buffers, cached } = await client.memory()
    const { entity } = client.machine
    const usage = (state: string, bytes: number | undefined) =>
      signals.memoryUsage.point(bytes, entity, { 'system.memory.state': state })
    return {
      metrics: [
        signals.memoryLimit.point(total, entity),
        signals.memoryAvailable.point(client.platform === 'linux' ? available : undefined, entity),
        signals.memoryUtilization.point(total > 0 ? (total - available) / total : undefined, entity),
        usage('used', Math.max(0, total - free - (buffers ?? 0) - (cached ?? 0))),
        usage('free', free),
        usage('buffers', buffers),
        usage('cached', cached),
      ],
    }
  },
}
