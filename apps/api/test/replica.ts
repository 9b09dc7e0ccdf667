/**
 * One of several replicas that watch a file of event ids, one per line. They elect the one that reports by a lease: a
 * file with the holder's name and expiry. Run by `replicas.test.ts`.
 */
import { appendFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Connector } from '@rca/core'
import { createAgent, silentLogger } from '@rca/core'
import { command, defineConnector, entity, event, metric } from '@rca/core/connector'
import { z } from 'zod'

const [, , platformUrl = '', agentToken = '', folder = ''] = process.argv
const RENEW_INTERVAL_MS = 50
const LEASE_DURATION_MS = 2000

const signals = {
  container: entity({ type: 'container', description: 'A container.' }),
  memory: metric({ name: 'container.memory.usage', unit: 'By', kind: 'gauge', description: 'Memory in use.' }),
  died: event({ name: 'container.died', severity: 'warning', description: 'The container died.' }),
}
const container = signals.container.reference('c1')
const lease = join(folder, 'lease')

function holder(): { readonly name: string; readonly until: number } | undefined {
  try {
    return JSON.parse(readFileSync(lease, 'utf8')) as { name: string; until: number }
  } catch {
    return undefined
  }
}

/** Takes a free or expired lease. `link` fails when another replica was quicker. */
function take(name: string): boolean {
  const own = `${lease}-${process.pid}`
  writeFileSync(own, JSON.stringify({ name, until: Date.now() + LEASE_DURATION_MS }))
  try {
    const previous = holder()
    if (previous !== undefined && previous.until > Date.now()) return false
    if (previous !== undefined) renameSync(lease, `${lease}-${previous.name}-ended`)
    linkSync(own, lease)
    return true
  } catch {
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

function renew(name: string): boolean {
  if (holder()?.name !== name) return false
  const own = `${lease}-${process.pid}`
  writeFileSync(own, JSON.stringify({ name, until: Date.now() + LEASE_DURATION_MS }))
  renameSync(own, lease)
  return true
}

const election: NonNullable<Connector<unknown, unknown>['election']> = {
  run: async (_client, { signal, instanceId, promote, demote }) => {
    const record = (text: string): void => appendFileSync(join(folder, 'history'), `${instanceId} ${text}\n`)
    let leads = false
    while (!signal.aborted) {
      const held: boolean = leads ? renew(instanceId) : take(instanceId)
      if (held && !leads) record('leads')
      if (!held && leads) record('lost')
      leads = held
      if (leads) promote()
      else demote()
      await setTimeout(RENEW_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
    }
    if (leads) record('released')
    if (leads) rmSync(lease)
  },
}

const connector = defineConnector({
  type: 'docker',
  title: 'Docker',
  description: 'Watch a Docker host',
  config: z.object({}),
  signals,
  deploy: () => ({ command: command('install') }),
  connect: async () => ({}),
  identify: async () => ({ id: 'engine', name: 'engine', entity: container }),
  disconnect: async () => undefined,
  election,
  collectors: {
    containers: {
      collect: async () => ({
        entities: [signals.container.entity(container)],
        metrics: [signals.memory.point(900, container)],
      }),
    },
  },
  watchers: {
    deaths: {
      watch: async (_client, { signal, emit }) => {
        for (let emitted = 0; !signal.aborted; ) {
          const ids = readFileSync(join(folder, 'events'), 'utf8').split('\n').slice(emitted, -1)
          for (const id of ids)
            emit({ events: [signals.died.event({ id, at: new Date(), entity: container, body: id })] })
          emitted += ids.length
          await setTimeout(10, undefined, { signal }).catch(() => undefined)
        }
      },
    },
  },
})

const config = { collect_interval: '200ms', heartbeat_interval: '200ms' }
const agent = createAgent({ connector, platformUrl, agentToken, config, logger: silentLogger })
process.once('SIGTERM', () => void agent.stop())
await agent.start()
