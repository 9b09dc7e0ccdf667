import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A connector without dependencies of its own, whose client is a number. */
const CODE = `
import { command, defineConnector, entity, metric } from '@rca/core/connector'
const signals = {
  queue: entity({ type: 'acme.queue', description: 'A queue.' }),
  messages: metric({ name: 'acme.queue.messages', unit: '{message}', kind: 'updowncounter', description: 'Messages.' }),
}
const queue = signals.queue.reference('mails')
const schema = () => ({ type: 'object', properties: {} })
export const queues = defineConnector({
  type: 'acme/queues',
  title: 'Acme queues',
  description: 'Watch queues',
  config: {
    '~standard': {
      version: 1,
      vendor: 'acme',
      validate: (value) => ({ value }),
      jsonSchema: { input: schema, output: schema },
    },
  },
  signals,
  deploy: () => ({ command: command('true') }),
  connect: async () => 5,
  identify: async () => ({ id: 'mails', name: 'mails', entity: queue }),
  collectors: {
    queues: {
      collect: async (messages) => ({
        entities: [signals.queue.entity({ id: 'mails' })],
        metrics: [signals.messages.point(messages, queue)],
      }),
    },
  },
})
`

/** Makes a folder for `RCA_CONNECTORS` with a connector of the type `acme/queues`, as npm installs it. */
export function makeQueuesConnector(folder: string): void {
  const home = join(folder, 'node_modules/rca-connector-queues')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "rca-connector-queues": "1.0.0" } }')
  const rca = { contract: 1, type: 'acme/queues', title: 'Acme queues', description: 'Watch queues' }
  const peerDependencies = { '@rca/core': '*' }
  const json = { name: 'rca-connector-queues', version: '1.0.0', type: 'module', exports: './index.js' }
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...json, peerDependencies, rca }))
  writeFileSync(join(home, 'index.js'), CODE)
}
