/**
 * Runs an agent with the options of the first argument, as JSON, until it is killed. Prints the JSON of each event on a
 * line.
 */
import type { RawConfig } from '@rca/core'
import { startLiveAgent } from './live-agent.ts'

await startLiveAgent(JSON.parse(process.argv[2] ?? '{}') as RawConfig, ({ data }) => {
  for (const event of data.events) console.log(JSON.stringify(event))
})
