import { type Event, event, type Watcher } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'

export const memoryPressureSignals = {
  hostMemoryPressure: event({
    name: 'host.memory_pressure',
    severity: 'warning',
    description: 'All processes wait for memory during at least 10 % of the time, for 30 seconds.',
    attributes: {
      'server.pressure.share': 'Share of the last ten seconds in which all processes waited for memory, 0 to 1.',
      'system.memory.available': 'Bytes that applications can get without swapping.',
      'system.memory.limit': 'Bytes of memory in all.',
    },
  }),
  hostMemoryPressureEnded: event({
    name: 'host.memory_pressure_ended',
    severity: 'info',
    description: 'Processes no longer wait for memory.',
    attributes: { 'server.pressure.since': 'When the pressure was reported. ISO 8601, UTC.' },
  }),
}

/** Share of the time in which everything waits at which pressure begins, and below which it has ended. */
const MIN_SHARE = 0.1
const MAX_RELIEVED_SHARE = 0.02

/** Number of looks in a row, ten seconds apart, that must agree. */
const LOOKS = 3

/** Reports that the whole machine waits for memory. Ends where the kernel has no pressure stall information. */
export const memoryPressure: Watcher<ServerClient> = {
  async watch(client, context) {
    let since: Date | undefined
    let looks = 0
    for (;;) {
      const pressure = await client.pressure()
      const reading = pressure.find(({ resource, kind }) => resource === 'memory' && kind === 'full')
      if (reading === undefined) return
      const { share } = reading
      const isOther = share !== undefined && (since === undefined ? share >= MIN_SHARE : share <= MAX_RELIEVED_SHARE)
      looks = isOther ? looks + 1 : 0
      if (share !== undefined && looks === LOOKS) {
        const event = await toEvent(client, share, since, context.now())
        since = since === undefined ? context.now() : undefined
        looks = 0
        context.emit({ events: [event] })
      }
      await context.sleep('10s')
    }
  },
}

async function toEvent(client: ServerClient, share: number, since: Date | undefined, at: Date): Promise<Event> {
  const { entity, hostname } = client.machine
  if (since !== undefined) {
    return memoryPressureSignals.hostMemoryPressureEnded.event({
      at,
      entity,
      body: `Processes of ${hostname} no longer wait for memory`,
      attributes: { 'server.pressure.since': since.toISOString() },
    })
  }
  const { available, total } = await client.memory()
  return memoryPressureSignals.hostMemoryPressure.event({
    at,
    entity,
    body: `All processes of ${hostname} wait for memory ${Math.round(share * 100)} % of the time: ${Math.round((available / total) * 100)} % of it is available`,
    attributes: {
      'server.pressure.share': share,
      'system.memory.available': available,
      'system.memory.limit': total,
    },
  })
}
