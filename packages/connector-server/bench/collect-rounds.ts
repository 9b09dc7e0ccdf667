/** Collects as an agent does and prints, as JSON, the CPU of one collection in milliseconds: first, and later. Started by the benchmark with the flags of the deployed agent. */
import { createAgent } from '@rca/core'
import { server } from '../src/index.ts'
import { cpuOf } from './cpu-of.ts'

const agent = createAgent({ connector: server, platformUrl: 'http://127.0.0.1:1', agentToken: 'none' })
await agent.collectMetrics()
const first = await cpuOf(20, () => agent.collectMetrics())
const later = await cpuOf(Number(process.argv[2]), () => agent.collectMetrics())
await agent.stop()
console.log(JSON.stringify({ first, later }))
