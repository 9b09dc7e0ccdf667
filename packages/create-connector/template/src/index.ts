import { command, defineConnector, option, settings } from '@rca/core/connector'
import { z } from 'zod'
import { itemSignals, items } from './collectors/items.ts'
import { changeSignals, changes } from './events/changes.ts'

/** The connector. Type, title and description are those of `rca` in package.json. */
export const acmeQueues = defineConnector({
  type: 'acme/queues',
  title: 'Acme queues',
  description: 'Watches Acme queues',
  // Every option is an environment variable of the agent, such as ACME_QUEUES_URL.
  config: z.object({
    acme_queues_url: z
      .url({ protocol: /^https?$/ })
      .default('http://127.0.0.1:15000')
      .describe('Address of the service.'),
    acme_queues_token: option.secret().optional().describe('Token that reads the service.'),
  }),
  signals: { ...itemSignals, ...changeSignals },
  // The platform shows these commands. Every value is quoted for the shell.
  deploy: (target) => ({
    prerequisites: ['Node.js 20.19 or newer is installed on a machine that reaches the service'],
    command: command('rca-agent', 'add', '@acme/rca-connector-queues').and(
      command('env', ...settings.environmentVariables(target), 'rca-agent'),
      { newLine: true },
    ),
    verify: command('curl', '-fsS', 'http://127.0.0.1:8687/healthz'),
    uninstall: command('rca-agent', 'remove', '@acme/rca-connector-queues'),
  }),
  // The client is imported when it is needed: the platform loads the connector without it.
  connect: async ({ config, signal }) => {
    const { openClient } = await import('./client.ts')
    return openClient({ url: config.acme_queues_url, token: config.acme_queues_token }, signal)
  },
  // An agent that is deployed again is the same agent, since the service has the same id.
  identify: async ({ id }) => ({ id, name: id, entity: itemSignals.service.reference(id) }),
  collectors: { items },
  watchers: { changes },
})
