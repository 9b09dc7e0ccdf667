import { event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { Client } from '../client.ts'
import { itemSignals } from '../collectors/items.ts'

/** Everything that the watcher reports. */
export const changeSignals = {
  changed: event({ name: 'acme.queues.queue.changed', severity: 'info', description: 'A queue was changed.' }),
}

/** Follows the service's list of changes, from the number that an earlier run of the agent has saved. */
export const changes: Watcher<Client> = {
  async watch(client, context) {
    const cursor = openCursor(z.int().nonnegative(), context)
    let after = cursor.before ?? 0
    while (!context.signal.aborted) {
      const list = await client.listChanges(after, context.signal)
      const events = list.map(({ number, at, item, text }) =>
        changeSignals.changed.event({
          // The same id for the same change: the platform stores it once, however often it is reported.
          id: `${client.id}/${number}`,
          at,
          entity: itemSignals.item.reference(`${client.id}/${item}`),
          body: text,
        }),
      )
      if (events.length > 0) context.emit({ events })
      after = list.at(-1)?.number ?? after
      await cursor.save(after)
      await context.sleep('5s')
    }
  },
}
