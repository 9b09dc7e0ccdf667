import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { counter, gauge, upDownCounter } from '../metrics.ts'

export const pagingSignals = {
  pagingUsage: upDownCounter('system.paging.usage', 'By', 'Swap space or page file by state.', {
    'system.paging.state': '`used` or `free`.',
  }),
  pagingUtilization: gauge(
    'system.paging.utilization',
    '1',
    'Used share of the swap space or page file. Absent without swap space.',
  ),
  pagingOperations: counter(
    'system.paging.operations',
    '{operation}',
    'Pages read from swap space and written to it.',
    { 'system.paging.direction': '`in` or `out`.' },
  ),
  pagingFaults: counter('system.paging.faults', '{fault}', 'Page faults. A major one waits for a disk.', {
    'system.paging.fault.type': '`major` or `minor`.',
  }),
}

const IMPOSSIBLE_SWAP_SPACE = { scope: 'swap', reason: 'the system states an impossible amount of swap space' }

/** Swap space, pages swapped in and out, and page faults. */
export const paging: Collector<ServerClient> = {
  async collect(client) {
    const { total, free: statedFree, pagedIn, pagedOut, majorFaults, minorFaults } = await client.paging()
    const { entity } = client.machine
    // Containers state more free space than they have, and a negative amount of it.
    const free = total === 0 ? 0 : minimum(statedFree, total)
    const used = total === undefined || free === undefined ? undefined : total - free
    return {
      gaps: used === undefined && (total ?? free) !== undefined ? [IMPOSSIBLE_SWAP_SPACE] : [],
      metrics: [
        pagingSignals.pagingUsage.point(used, entity, { 'system.paging.state': 'used' }),
        pagingSignals.pagingUsage.point(free, entity, { 'system.paging.state': 'free' }),
        pagingSignals.pagingUtilization.point(used === undefined || !total ? undefined : used / total, entity),
        pagingSignals.pagingOperations.point(pagedIn, entity, { 'system.paging.direction': 'in' }),
        pagingSignals.pagingOperations.point(pagedOut, entity, { 'system.paging.direction': 'out' }),
        pagingSignals.pagingFaults.point(majorFaults, entity, { 'system.paging.fault.type': 'major' }),
        pagingSignals.pagingFaults.point(minorFaults, entity, { 'system.paging.fault.type': 'minor' }),
      ],
    }
  },
}

function minimum(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined ? part : Math.min(part, whole)
}
