import { openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { Boot, ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

const cursorSchema = z.object({ bootId: z.string().optional(), seenAt: z.iso.datetime() })

/**
 * Notices when it starts that the machine was started since it was last seen, and keeps saving when it was seen, so that
 * the event can say how long the machine was away at most.
 */
export const reboot: Watcher<ServerClient> = {
  async watch(client, context) {
    const boot = await client.boot()
    const cursor = openCursor(cursorSchema, context)
    const { before } = cursor
    if (before !== undefined && isAnother(boot, before)) {
      context.emit({
        events: [
          signals.hostRebooted.event({
            ...(boot.id === undefined ? {} : { id: `host.rebooted/${boot.id}` }),
            at: boot.startedAt,
            entity: client.machine.entity,
            body: `${client.machine.hostname} was started anew; it was last seen running at ${before.seenAt}`,
            attributes: {
              'server.boot.id': boot.id,
              'server.boot.previous_id': before.bootId,
              'server.boot.last_seen': before.seenAt,
            },
          }),
        ],
      })
    }
    for (;;) {
      await cursor.save({ bootId: boot.id, seenAt: context.now().toISOString() })
      await context.sleep('1m')
    }
  },
}

/** Without ids: a machine that was started after it had been seen running was started anew. */
function isAnother(boot: Boot, before: z.output<typeof cursorSchema>): boolean {
  if (boot.id !== undefined && before.bootId !== undefined) return boot.id !== before.bootId
  return boot.startedAt.getTime() > Date.parse(before.seenAt)
}
