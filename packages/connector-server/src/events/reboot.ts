import { event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { Boot, ServerClient } from '../client/server-client.ts'

export const rebootSignals = {
  hostRebooted: event({
    name: 'host.rebooted',
    severity: 'warning',
    description: 'The host was rebooted.',
    attributes: {
      'server.boot.id': 'Id of the current boot.',
      'server.boot.previous_id': 'Id of the previous boot.',
      'server.boot.last_seen': 'When the previous boot was last seen running. ISO 8601, UTC.',
    },
  }),
}

const cursorSchema = z.object({ bootId: z.string().optional(), seenAt: z.iso.datetime() })

/**
 * Reports at its start that the host was rebooted, and saves every minute that the host is running, so that the
 * event bounds the downtime.
 */
export const reboot: Watcher<ServerClient> = {
  async watch(client, context) {
    const boot = await client.boot()
    const cursor = openCursor(cursorSchema, context)
    const previous = cursor.before
    if (previous !== undefined && isOtherBoot(boot, previous)) {
      const event = rebootSignals.hostRebooted.event({
        id: boot.id === undefined ? undefined : `host.rebooted/${boot.id}`,
        at: boot.startedAt,
        entity: client.machine.entity,
        body: `${client.machine.hostname} was rebooted; it was last seen running at ${previous.seenAt}`,
        attributes: {
          'server.boot.id': boot.id,
          'server.boot.previous_id': previous.bootId,
          'server.boot.last_seen': previous.seenAt,
        },
      })
      context.emit({ events: [event] })
    }
    for (;;) {
      await cursor.save({ bootId: boot.id, seenAt: context.now().toISOString() })
      await context.sleep('1m')
    }
  },
}

/** Compares boot ids. Without ids, a boot that started after the host was last seen is another one. */
function isOtherBoot(boot: Boot, previous: z.output<typeof cursorSchema>): boolean {
  if (boot.id !== undefined && previous.bootId !== undefined) return boot.id !== previous.bootId
  return boot.startedAt.getTime() > Date.parse(previous.seenAt)
}
