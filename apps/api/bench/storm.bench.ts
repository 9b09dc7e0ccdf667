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
import { type Agent, createAgent, silentLogger } from '@rca/core'
import { command, defineConnector, entity, metric } from '@rca/core/connector'
import { z } from 'zod'
import { createPlatform, type Platform } from '../chaos/platform.ts'

const AGENTS_PER_ENVIRONMENT = 500
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

const signals = {
  host: entity({ type: 'host', description: 'A simulated host.' }),
  load: metric({ name: 'system.cpu.load_average.1m', unit: '{thread}', kind: 'gauge', description: 'Its load.' }),
}

const simulated = defineConnector({
  type: 'server',
  title: 'Simulated hosts',
  description: 'Watches a simulated host',
  config: z.object({ number: z.coerce.number().describe('Number of the host.') }),
  signals,
  deploy: () => ({ command: command('true'), uninstall: command('true') }),
  connect: async ({ config }) => `host-${config.number}`,
  identify: async (id) => ({ id, name: id, entity: signals.host.reference(id) }),
  collectors: {
    host: {
      collect: async (id) => ({
        entities: [signals.host.entity({ id })],
        metrics: [signals.load.point(Math.random(), signals.host.reference(id))],
      }),
    },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'rca-bench-'))
const platform = createPlatform({ folder, environment: {} })
const agents: Agent[] = []
try {
  await platform.start()
  await startAgents()
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

async function startAgents(): Promise<void> {
  const tokens: string[] = []
  for (let number = 0; number < Math.ceil(count / AGENTS_PER_ENVIRONMENT); number += 1)
    tokens.push(await platform.provision(`bench-${number}`))
  const begin = performance.now()
  for (let number = 0; number < count; number += 1) {
    const early = begin + (number * START_MS) / count - performance.now()
    if (early > 0) await sleep(early)
    const agent = createAgent({
      connector: simulated,
      platformUrl: platform.url(),
      agentToken: tokens[Math.floor(number / AGENTS_PER_ENVIRONMENT)] ?? '',
      config: { number, collect_interval: COLLECT_INTERVAL },
      logger: silentLogger,
    })
    agents.push(agent)
    void agent.start()
  }
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

async function residentMbOf(api: Platform): Promise<number> {
  const text = await api.text('/metrics')
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1e6
}

/** Counts the requests since the start by their status. */
async function answersOf(api: Platform): Promise<ReadonlyMap<string, number>> {
  const text = await api.text('/metrics')
  const counts = new Map<string, number>()
  for (const [, status = '', value] of text.matchAll(
    /^rca_api_http_request_duration_seconds_count\{.*status="(\d+)".*\} (\d+)$/gm,
  ))
    counts.set(status, (counts.get(status) ?? 0) + Number(value))
  return counts
}
