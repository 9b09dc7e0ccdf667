/**
 * Runs the whole agent as it is deployed: cache, collection, delivery, heartbeats. `agent.ts PLATFORM_URL
 * [KUBECONFIG]`; without a kubeconfig as in a pod.
 */
import { createAgent } from '@rca/core'
import { kubernetes } from '../src/index.ts'
import { measured } from './measured.ts'

await measured(async () => {
  const [platformUrl = '', kubeconfig] = process.argv.slice(2)
  const config = kubeconfig === undefined ? {} : { kubeconfig }
  const agent = createAgent({ connector: kubernetes, platformUrl, agentToken: 'agent-of-a-benchmark', config })
  await agent.start()
  return () => ({})
})
