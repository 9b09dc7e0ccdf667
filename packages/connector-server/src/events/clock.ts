import type { Watcher } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Smallest step that is an event, in seconds. NTP slews what is smaller. */
const SMALLEST_STEP = 1

/** Two looks at the clock further apart than this (milliseconds) were interrupted and say nothing. */
const LONGEST_LOOK = 200

/**
 * Notices that the clock was set: it has moved on by more or less than the uptime has. The uptime counts time asleep, so
 * that a machine that was suspended is no clock step.
 */
export const clock: Watcher<ServerClient> = {
  async watch(client, context) {
    let before: number | undefined
    for (;;) {
      const offset = await readOffset(client, context.now)
      if (before !== undefined && offset !== undefined) {
        const step = offset - before
        if (Math.abs(step) > SMALLEST_STEP + client.uptimeResolution) {
          const seconds = Math.round(step * 100) / 100
          context.emit({
            events: [
              signals.hostClockStepped.event({
                at: context.now(),
                entity: client.machine.entity,
                body: `The clock of ${client.machine.hostname} was set ${seconds > 0 ? 'forward' : 'back'} by ${Math.abs(seconds)} s`,
                attributes: { 'server.clock.step': seconds },
              }),
            ],
          })
        }
      }
      before = offset ?? before
      await context.sleep('10s')
    }
  },
}

/** Seconds that the clock is ahead of the uptime. */
async function readOffset(client: ServerClient, now: () => Date): Promise<number | undefined> {
  const start = now().getTime()
  const uptime = await client.uptime()
  const end = now().getTime()
  return Math.abs(end - start) > LONGEST_LOOK ? undefined : end / 1000 - uptime
}
