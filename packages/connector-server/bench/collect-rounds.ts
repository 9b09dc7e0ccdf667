/**
 * Collects through an agent. Prints the CPU of one collection in milliseconds as JSON: of the first 20 collections,
 * and of later ones. The benchmark starts it with the flags of the deployed agent.
 */
import { createAgent } from '@rca/core'
import { server } from '../src/index.ts'
import { cpuOf } from './cpu-of.ts'

const agent = createAgent({ connector: server, platformUrl: 'http://127.0.0.1:1', agentToken: 'none' })
await agent.collectMetrics()
const first = await cpuOf(20, () => agent.collectMetrics())
const later = await cpuOf(Number(process.argv[2]), () => agent.collectMetrics())
await agent.stop()
console.log(JSON.stringify({ first, later }))
