import { expect, test } from 'vitest'
import { type Broker, queues, scenario, signals, startBroker } from '../test/queues-connector.ts'
import { vary } from './index.ts'
import { openSession } from './session.ts'

/** Reports each new queue by itself. */
const polling = vary(queues, {
  watchers: {
    alerts: {
      watch: async (client: Broker, { emit, sleep, now, signal }) => {
        let known = await client.queues('eu', signal)
        for (;;) {
          await sleep('1m')
          const found = await client.queues('eu', signal)
          for (const { name } of found)
            if (!known.some((queue) => queue.name === name)) {
              const entity = signals.queue.reference(`eu/${name}`)
              emit({ events: [signals.full.event({ id: name, at: now(), entity, body: `${name} is new.` })] })
            }
          known = found
        }
      },
    },
  },
})

test.each([3, ['acme.queue.full']])(
  'a watcher that polls reports all events of a system that says that %j follow',
  async (actEvents) => {
    const { server, ...system } = await startBroker()
    const queue = (name: string) => ({ name, messages: 3, delivered: 100 })
    const more = server.answer('GET /queues?region=eu', {
      queues: ['mails', 'invoices', 'one', 'two', 'three'].map(queue),
    })
    const act = async () => void (await more())
    const session = await openSession({ connector: polling as never, scenario, system, patienceMs: 30_000 })
    try {
      const watched = await session.watch({ act, actEvents })
      expect(watched.get('alerts')).toMatchObject({
        end: 'running',
        signals: { events: [{ id: 'one' }, { id: 'two' }, { id: 'three' }] },
      })
    } finally {
      await session.disconnect()
      await system.close()
    }
  },
)
