/** Collects once with a configuration in JSON, and prints the report or the error. */
import { createAgent } from '@rca/core'
import { docker } from '../src/index.ts'

const config = JSON.parse(process.argv[2] ?? '{}') as Readonly<Record<string, unknown>>
const platformUrl = 'http://127.0.0.1:1'
const agent = createAgent({ connector: docker, platformUrl, agentToken: 'agent-of-a-test', config })
try {
  console.log(JSON.stringify(await agent.collectMetrics()))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  await agent.stop()
}
