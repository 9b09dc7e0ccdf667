/**
 * Runs an agent whose watcher emits consecutive numbers, each as an event, from its last cursor on, until it is killed.
 * Arguments: the platform's address and the state directory. Run by agent/kill.test.ts.
 */
import { createAgent } from '../src/agent/agent.ts'
import type { WatchContext } from '../src/connector/connector.ts'
import { silentLogger } from '../src/logger.ts'
import { type Client, exampleConnector, host, signals } from './example-connector.ts'

const [, , platformUrl = '', stateDirectory = ''] = process.argv

const numbers = async (_client: Client, { cursor, emit, saveCursor, sleep, now }: WatchContext): Promise<void> => {
  for (let number = Number(cursor ?? 0) + 1; ; number += 1) {
    const details = { at: now(), entity: host, body: `Number ${number}`, attributes: { number } }
    emit({ events: [signals.rebooted.event({ id: `number-${number}`, ...details })] })
    await saveCursor(String(number))
    await sleep('5ms')
  }
}

const agent = createAgent({
  connector: exampleConnector({ watchers: { numbers: { watch: numbers } } }),
  platformUrl,
  agentToken: 'token',
  stateDirectory,
  config: { collect_interval: '40ms', retry_count: 0 },
  logger: silentLogger,
})
await agent.start()
console.log('started')
