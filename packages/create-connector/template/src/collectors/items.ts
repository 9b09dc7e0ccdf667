import { type Collector, entity, metric } from '@rca/core/connector'
import type { Client } from '../client.ts'

/** Everything that the collector reports: the agent refuses all else. */
export const itemSignals = {
  service: entity({ type: 'acme.queues', description: 'The watched service.' }),
  item: entity({
    type: 'acme.queues.queue',
    description: 'A queue.',
    relations: { part_of: 'The service that holds the queue.' },
  }),
  load: metric({
    name: 'acme.queues.queue.load',
    unit: '1',
    kind: 'gauge',
    description: 'Load of the queue, from 0 to 1.',
  }),
}

/** Reads every queue once. When it throws, the agent reports a gap in place of the signals. */
export const items: Collector<Client> = {
  async collect(client, { signal }) {
    const list = await client.listItems(signal)
    const relations = [{ type: 'part_of', target: itemSignals.service.reference(client.id) }] as const
    return {
      entities: [
        itemSignals.service.entity({ id: client.id }),
        ...list.map(({ name }) => itemSignals.item.entity({ id: `${client.id}/${name}`, name, relations })),
      ],
      metrics: list.map(({ name, load }) =>
        itemSignals.load.point(load, itemSignals.item.reference(`${client.id}/${name}`)),
      ),
    }
  },
}
