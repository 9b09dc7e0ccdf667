/**
 * Measures how a fleet returns after an outage: real agents, which share this process, on a platform that is killed and
 * starts again at the same address. Prints when the agents had delivered what waited, how requests were answered, and
 * the platform's memory.
 *
 *     npm run bench -- storm [--agents 10000] [--outage 90]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Agent } from '@rca/core'
import { createPlatform, type Platform, residentMbOf } from '../chaos/platform.ts'
import { startSimulatedAgents } from './simulated-agents.ts'

/** Time between two reports of an agent: with the outage by default, one or two reports wait. */
const COLLECT_INTERVAL = '60s'
/** Time in which the agents start, one after the other. */
const START_MS = 60_000
const POLL_MS = 500
/** Time in which all agents are to have returned. */
const TARGET_MS = 60_000
const TIMEOUT_MS = 10 * TARGET_MS

const { values: options } = parseArgs({
  options: { agents: { type: 'string', default: '10000' }, outage: { type: 'string', default: '90' } },
})
const count = Number(options.agents)
const outageMs = Number(options.outage) * 1000

const folder = mkdtempSync(join(tmpdir(), 'rca-bench-'))
const platform = createPlatform({ folder, environment: {} })
let agents: readonly Agent[] = []
try {
  await platform.start()
  agents = await startSimulatedAgents(platform, count, COLLECT_INTERVAL, START_MS)
  await until('all agents deliver', () => agents.filter(isDelivered).length === count)
  await platform.kill()
  console.log(`${count} agents report; the platform is away for ${outageMs / 1000} s`)
  await sleep(outageMs)
  const begin = performance.now()
  const startedAt = new Date()
  await platform.start()
  await observeReturn(begin, startedAt)
} finally {
  await Promise.all(agents.map((agent) => agent.stop({ timeout: '1s' })))
  await platform.stop()
  rmSync(folder, { recursive: true })
}

function isDelivered(agent: Agent): boolean {
  const { platformReachable, outbox } = agent.status()
  return platformReachable === true && outbox.reports === 0
}

/** Waits until every agent has sent a heartbeat and its queue since the platform started again. */
async function observeReturn(begin: number, startedAt: Date): Promise<void> {
  const returned = new Map<Agent, number>()
  let residentMb = 0
  const hasReturned = (agent: Agent): boolean => {
    const { acknowledgedAt, outbox } = agent.status()
    return acknowledgedAt !== undefined && acknowledgedAt > startedAt && outbox.reports === 0
  }
  await until('all agents return', async () => {
    const now = performance.now() - begin
    for (const agent of agents) if (!returned.has(agent) && hasReturned(agent)) returned.set(agent, now)
    residentMb = Math.max(residentMb, await residentMbOf(platform))
    return returned.size === count
  })
  const times = [...returned.values()].sort((left, right) => left - right)
  for (const share of [0.5, 0.9, 0.99, 1]) {
    const seconds = (times[Math.ceil(times.length * share) - 1] ?? Number.NaN) / 1000
    console.log(`${`${share * 100} % had returned after`.padEnd(32)} ${seconds.toFixed(1).padStart(8)} s`)
  }
  console.log(
    `${'dropped reports'.padEnd(32)} ${agents.reduce((sum, agent) => sum + agent.status().outbox.dropped, 0)}`,
  )
  console.log(`${'memory of the platform, at most'.padEnd(32)} ${residentMb.toFixed(0).padStart(8)} MB`)
  for (const [status, number] of await answersOf(platform)) console.log(`  answered with ${status}: ${number}`)
  console.log(
    `target: 100 % within ${TARGET_MS / 1000} s: ${(times.at(-1) ?? Infinity) <= TARGET_MS ? 'met' : 'missed'}`,
  )
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Waited for ${TIMEOUT_MS / 1000} s until ${what}.`)
    await sleep(POLL_MS)
  }
}

/** Counts the requests since the start by their status. */
async function answersOf(api: Platform): Promise<ReadonlyMap<string, number>> {
  const text = await api.metrics()
  const counts = new Map<string, number>()
  for (const [, status = '', value] of text.matchAll(
    /^rca_api_http_request_duration_seconds_count\{.*status="(\d+)".*\} (\d+)$/gm,
  ))
    counts.set(status, (counts.get(status) ?? 0) + Number(value))
  return counts
}
