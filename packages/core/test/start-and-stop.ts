/**
 * Starts an agent against the platform of the first argument and stops it. The process then ends by itself. Run by
 * agent/exit.test.ts.
 */
import { createAgent } from '../src/agent/agent.ts'
import { silentLogger } from '../src/logger.ts'
import { exampleConnector, host, signals } from './example-connector.ts'

const [, , platformUrl = '', mode = ''] = process.argv
const never = (): Promise<never> => new Promise(() => undefined)
const agent = createAgent({
  connector: exampleConnector({
    collectors: {
      load: { collect: async () => ({ metrics: [signals.load.point(1, host)] }) },
      ...(mode === 'hanging' ? { stuck: { collect: never, timeout: '50ms' as const } } : {}),
    },
    ...(mode === 'hanging' ? { watchers: { deaf: { watch: never } }, disconnect: never } : {}),
  }),
  platformUrl,
  agentToken: 'token',
  config: { retry_count: 5 },
  logger: silentLogger,
})
await agent.start()
await agent.heartbeat()
await agent.sendData(await agent.collectMetrics())
await agent.stop({ timeout: '200ms' })
console.log(JSON.stringify(agent.status().state))
