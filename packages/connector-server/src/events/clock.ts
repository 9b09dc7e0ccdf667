import { event, type Watcher } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'

/** Smallest step that is reported, in seconds. NTP slews smaller offsets. */
const MIN_STEP_SECONDS = 1

/** Maximum time for reading clock and uptime. A slower reading was interrupted and is dropped. */
const MAX_READING_MS = 200

export const clockSignals = {
  hostClockStepped: event({
    name: 'host.clock_stepped',
    severity: 'warning',
    description: 'The clock was set by more than a second. Times before and after cannot be compared.',
    attributes: { 'server.clock.step': 'Seconds by which the clock was set; negative for backwards.' },
  }),
}

/**
 * Reports a clock that was set: the clock advanced by more or less than the uptime. Uptime includes time asleep, so a
 * suspended machine is not reported.
 */
export const clock: Watcher<ServerClient> = {
  async watch(client, context) {
    let previous: number | undefined
    for (;;) {
      const offset = await readOffset(client, context.now)
      if (previous !== undefined && offset !== undefined) {
        const step = offset - previous
        if (Math.abs(step) > MIN_STEP_SECONDS + client.uptimeResolution) {
          const seconds = Math.round(step * 100) / 100
          const event = clockSignals.hostClockStepped.event({
            at: context.now(),
            entity: client.machine.entity,
            body: `The clock of ${client.machine.hostname} was set ${seconds > 0 ? 'forward' : 'back'} by ${Math.abs(seconds)} s`,
            attributes: { 'server.clock.step': seconds },
          })
          context.emit({ events: [event] })
        }
      }
      previous = offset ?? previous
      await context.sleep('10s')
    }
  },
}

/** Returns the seconds by which the clock is ahead of the uptime, or `undefined` if the reading was interrupted. */
async function readOffset(client: ServerClient, now: () => Date): Promise<number | undefined> {
  const start = now().getTime()
  const uptime = await client.uptime()
  const end = now().getTime()
  return Math.abs(end - start) > MAX_READING_MS ? undefined : end / 1000 - uptime
}
