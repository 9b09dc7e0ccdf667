import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Swap space, and what goes to it and comes back. */
export const paging: Collector<ServerClient> = {
  async collect(client) {
    const { total, free, pagedIn, pagedOut, majorFaults, minorFaults } = await client.paging()
    const { entity } = client.machine
    const used = total === undefined || free === undefined ? undefined : total - free
    return {
      metrics: [
        signals.pagingUsage.point(used, entity, { 'system.paging.state': 'used' }),
        signals.pagingUsage.point(free, entity, { 'system.paging.state': 'free' }),
        signals.pagingUtilization.point(used === undefined || !total ? undefined : used / total, entity),
        signals.pagingOperations.point(pagedIn, entity, { 'system.paging.direction': 'in' }),
        signals.pagingOperations.point(pagedOut, entity, { 'system.paging.direction': 'out' }),
        signals.pagingFaults.point(majorFaults, entity, { 'system.paging.fault.type': 'major' }),
        signals.pagingFaults.point(minorFaults, entity, { 'system.paging.fault.type': 'minor' }),
      ],
    }
  },
}
