import { setTimeout as sleep } from 'node:timers/promises'
import { type Agent, createAgent, silentLogger } from '@rca/core'
import { command, defineConnector, entity, metric } from '@rca/core/connector'
import { z } from 'zod'
import type { Platform } from '../chaos/platform.ts'

/** Agents that share a token. */
const AGENTS_PER_ENVIRONMENT = 500

/** Points of a host: those of its processors. */
const PROCESSORS = 50

const signals = {
  host: entity({ type: 'host', description: 'A simulated host.' }),
  usage: metric({
    name: 'system.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Usage of a processor.',
    attributes: { 'cpu.logical_number': 'Number of the processor.' },
  }),
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
        metrics: Array.from({ length: PROCESSORS }, (_, processor) =>
          signals.usage.point(Math.random(), signals.host.reference(id), { 'cpu.logical_number': processor }),
        ),
      }),
    },
  },
})

/** Starts real agents of simulated hosts in this process, one after the other within `withinMs`. */
export async function startSimulatedAgents(
  platform: Platform,
  count: number,
  collectInterval: string,
  withinMs: number,
): Promise<readonly Agent[]> {
  const agents: Agent[] = []
  let token = ''
  const begin = performance.now()
  for (let number = 0; number < count; number += 1) {
    if (number % AGENTS_PER_ENVIRONMENT === 0) token = await platform.provision(`bench-${number}`)
    const early = begin + (number * withinMs) / count - performance.now()
    if (early > 0) await sleep(early)
    const agent = createAgent({
      connector: simulated,
      platformUrl: platform.url(),
      agentToken: token,
      config: { number, collect_interval: collectInterval },
      logger: silentLogger,
    })
    agents.push(agent)
    void agent.start()
  }
  return agents
}
