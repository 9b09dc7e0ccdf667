import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { gauge, upDownCounter } from '../metrics.ts'

export const memorySignals = {
  memoryLimit: upDownCounter('system.memory.limit', 'By', 'Memory of the host, also if the agent runs in a container.'),
  memoryUsage: upDownCounter(
    'system.memory.usage',
    'By',
    'Memory by state. The states that a system counts add up to the limit.',
    { 'system.memory.state': '`used`, `free`, `buffers` or `cached`.' },
  ),
  memoryUtilization: gauge(
    'system.memory.utilization',
    '1',
    'Share of the memory that applications cannot get without swapping.',
  ),
  memoryAvailable: upDownCounter(
    'system.memory.linux.available',
    'By',
    'Memory that applications can get without swapping, as Linux estimates it, with the cache of ZFS above its minimum.',
  ),
  memoryContainerLimit: upDownCounter(
    'server.memory.container.limit',
    'By',
    'Memory that the container of the agent may use. Absent on the host itself, and without a limit below its memory.',
  ),
  memoryContainerUsage: upDownCounter(
    'server.memory.container.usage',
    'By',
    'Memory that the container of the agent uses, with its caches. Absent without a limit.',
  ),
}

/** Memory by state, and the limit of the container in which the agent runs. */
export const memory: Collector<ServerClient> = {
  async collect(client) {
    const { total, ...parts } = await client.memory()
    const { entity } = client.machine
    const available = clamp(parts.available, total)
    const free = clamp(parts.free, total)
    const cached = clamp(parts.cached, total - free)
    const buffers = clamp(parts.buffers, total - free - (cached ?? 0))
    const usage = (state: string, bytes: number | undefined) =>
      memorySignals.memoryUsage.point(bytes, entity, { 'system.memory.state': state })
    return {
      metrics: [
        memorySignals.memoryLimit.point(total, entity),
        memorySignals.memoryAvailable.point(client.platform === 'linux' ? available : undefined, entity),
        memorySignals.memoryUtilization.point(total > 0 ? (total - available) / total : undefined, entity),
        usage('used', total - free - (buffers ?? 0) - (cached ?? 0)),
        usage('free', free),
        usage('buffers', buffers),
        usage('cached', cached),
        memorySignals.memoryContainerLimit.point(parts.container?.limit, entity),
        memorySignals.memoryContainerUsage.point(parts.container?.usage, entity),
      ],
    }
  },
}

/** Containers and kernels with bugs state parts that exceed the whole. */
function clamp<Bytes extends number | undefined>(part: Bytes, whole: number): Bytes
function clamp(part: number | undefined, whole: number): number | undefined {
  return part === undefined ? undefined : Math.min(Math.max(0, part), whole)
}
