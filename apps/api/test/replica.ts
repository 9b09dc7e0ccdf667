/**
 * One of several agents that watch the same thing: a file of event ids, one a line. They elect the one that reports with
 * a lease, a file with the holder's name and the time until which it holds. Run by `replicas.test.ts`.
 */
import { appendFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createAgent, silentLogger } from '@rca/core'
import { defineConnector, type Election, entity, event, metric, sh } from '@rca/core/connector'
import { z } from 'zod'

const [, , platformUrl = '', agentToken = '', folder = ''] = process.argv
const RENEW = 50
const LEASE = 2000

const signals = {
  kiln: entity({ type: 'kiln', description: 'A kiln.' }),
  temperature: metric({ name: 'kiln.temperature', unit: 'Cel', kind: 'gauge', description: 'How hot it is.' }),
  cracked: event({ name: 'kiln.cracked', severity: 'warning', description: 'It has a crack.' }),
}
const kiln = signals.kiln.reference('kiln')
const lease = join(folder, 'lease')

function holder(): { readonly name: string; readonly until: number } | undefined {
  try {
    return JSON.parse(readFileSync(lease, 'utf8')) as { name: string; until: number }
  } catch {
    return undefined
  }
}

/** Takes a lease that nobody holds: `link` fails where another was quicker. */
function take(name: string): boolean {
  const own = `${lease}-${process.pid}`
  writeFileSync(own, JSON.stringify({ name, until: Date.now() + LEASE }))
  try {
    const before = holder()
    if (before !== undefined && before.until > Date.now()) return false
    if (before !== undefined) renameSync(lease, `${lease}-${before.name}-ended`)
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
  writeFileSync(own, JSON.stringify({ name, until: Date.now() + LEASE }))
  renameSync(own, lease)
  return true
}

const election: Election<unknown> = {
  run: async (_client, { signal, instanceId, promote, demote }) => {
    const note = (text: string): void => appendFileSync(join(folder, 'history'), `${instanceId} ${text}\n`)
    let leads = false
    while (!signal.aborted) {
      const held: boolean = leads ? renew(instanceId) : take(instanceId)
      if (held && !leads) note('leads')
      if (!held && leads) note('lost')
      leads = held
      if (leads) promote()
      else demote()
      await setTimeout(RENEW, undefined, { signal }).catch(() => undefined)
    }
    if (leads) note('released')
    if (leads) rmSync(lease)
  },
}

const connector = defineConnector({
  type: 'kiln',
  title: 'Kiln',
  description: 'Watch a kiln',
  config: z.object({}),
  signals,
  deploy: () => ({ command: sh`fire` }),
  connect: async () => ({}),
  identify: async () => ({ id: 'kiln', name: 'kiln', entity: kiln }),
  disconnect: async () => undefined,
  election,
  collectors: {
    heat: {
      collect: async () => ({ entities: [signals.kiln.entity(kiln)], metrics: [signals.temperature.point(900, kiln)] }),
    },
  },
  watchers: {
    cracks: {
      watch: async (_client, { signal, emit }) => {
        for (let told = 0; !signal.aborted; ) {
          const ids = readFileSync(join(folder, 'events'), 'utf8').split('\n').slice(told, -1)
          for (const id of ids)
            emit({ events: [signals.cracked.event({ id, at: new Date(), entity: kiln, body: id })] })
          told += ids.length
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
