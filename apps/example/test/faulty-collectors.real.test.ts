import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from '@rca/api'
import { type Agent, createRegistry } from '@rca/core'
import { command, defineConnector, entity, metric, type Signals } from '@rca/core/connector'
import ky, { type KyInstance } from 'ky'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './processes.ts'

const signals = {
  disk: entity({ type: 'disk', description: 'A disk.' }),
  size: metric({ name: 'disk.size', unit: 'By', kind: 'gauge', description: 'Size of a disk.' }),
}
const undeclared = metric({ name: 'disk.wear', unit: '1', kind: 'gauge', description: 'In no catalog.' })
const disk = signals.disk.reference('sda')

/** A connector with one correct collector; each of the others fails in its own way. */
const faulty = defineConnector({
  type: 'faulty',
  title: 'Faulty',
  description: 'Fails in every way that a connector can',
  config: z.object({}),
  signals,
  deploy: () => ({ command: command('true') }),
  connect: async () => ({}),
  identify: async () => ({ id: 'faulty-1', name: 'faulty', entity: disk }),
  disconnect: async () => undefined,
  collectors: {
    correct: {
      collect: async () => ({
        entities: [signals.disk.entity({ id: 'sda' })],
        metrics: [signals.size.point(Date.now() % 1000, disk)],
      }),
    },
    throws: { collect: () => Promise.reject(new Error('the disk is on fire')) },
    'throws-at-once': {
      collect: () => {
        throw new TypeError('not even a promise')
      },
    },
    hangs: { timeout: '300ms', collect: () => new Promise(() => undefined) },
    garbage: { collect: async () => 'forty-two' as unknown as Signals },
    'garbage-inside': {
      collect: async () =>
        ({ metrics: [null, 7, { name: 'disk.size' }, signals.size.point(Number.NaN, disk)] }) as unknown as Signals,
    },
    undeclared: {
      collect: async () => ({
        metrics: [undeclared.point(1, disk), signals.size.point(5, signals.disk.reference('sdb'))],
      }),
    },
  },
  watchers: { dies: { watch: () => Promise.reject(new Error('the stream broke')) } },
})

interface AgentDetails {
  readonly agent_id: string | null
  readonly connectivity: string
  readonly health: {
    readonly status: string
    readonly collectors: Readonly<Record<string, { readonly ok: boolean; readonly error?: string }>>
    readonly gaps: readonly { readonly scope: string; readonly reason: string }[]
  }
}

describe('an agent whose connector fails in every way', () => {
  let directory = ''
  let api: Api
  let agent: Agent
  let http: KyInstance
  let details: AgentDetails

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rca-faulty-'))
    const registry = createRegistry([faulty])
    api = await createApi({
      registry,
      port: 0,
      databaseUrl: `sqlite:${join(directory, 'rca.sqlite')}`,
      heartbeatInterval: '1s',
    })
    const platformUrl = await api.listen()
    http = ky.create({ prefix: platformUrl, headers: { authorization: `Bearer ${api.adminToken}` }, retry: 0 })
    const { agent_token: agentToken } = await http
      .post('api/v1/agent/provision', { json: { agent_type: 'faulty', environment_name: 'faulty-1' } })
      .json<{ agent_token: string }>()
    agent = await registry.createAgent({
      agentType: 'faulty',
      platformUrl,
      agentToken,
      config: { collect_interval: '1s' },
    })
    await agent.start()
    details = await eventually('the platform knowing every collector', async () => {
      const { agents } = await http.get('api/v1/agents').json<{ agents: AgentDetails[] }>()
      const [found] = agents
      return (
        found !== undefined &&
        Object.keys(found.health.collectors).length === 8 &&
        found.health.gaps.length === 7 &&
        found
      )
    })
  })
  afterAll(async () => {
    await agent?.stop()
    await api?.close()
    await rm(directory, { recursive: true, force: true })
  })

  test('keeps delivering the metrics of the correct collector', async () => {
    expect(details.connectivity).toBe('online')
    await eventually('four points of the correct collector', async () => {
      const query = { name: 'disk.size', entity_id: 'sda', step: '1s', aggregate: 'last' }
      const { series } = await http
        .get('api/v1/metrics', { searchParams: query })
        .json<{ series: { points: unknown[] }[] }>()
      return (series[0]?.points.length ?? 0) >= 4
    })
    expect(agent.status()).toMatchObject({ state: 'running', connected: true })
  })

  test.each([
    ['throws', 'the disk is on fire'],
    ['throws-at-once', 'not even a promise'],
    ['hangs', /did not finish within 0\.3 s|previous run still in progress/],
    ['garbage', /string instead of signals/],
    ['garbage-inside', /not an object.*`disk\.size`/],
    ['undeclared', /`disk\.wear` is not declared/],
    ['dies', 'the stream broke'],
  ])('reports that `%s` fails, and why', (name, reason) => {
    expect(details.health.status).toBe('degraded')
    expect(details.health.collectors[name]?.ok).toBe(false)
    expect(details.health.collectors[name]?.error).toMatch(reason)
    const gap = details.health.gaps.find(({ scope }) => scope === `collector:${name}` || scope === `watcher:${name}`)
    expect(gap?.reason).toMatch(reason)
  })

  test('reports that the correct collector works', () => {
    expect(details.health.collectors.correct).toMatchObject({ ok: true })
  })

  test('keeps valid points of a collector that also returns an undeclared metric', async () => {
    const ofAgent = `api/v1/agents/${details.agent_id}/metrics`
    const { series } = await http
      .get(ofAgent, { searchParams: { entity_type: 'disk' } })
      .json<{ series: { name: string; entity: { id: string } }[] }>()
    expect(series.map(({ name, entity: { id } }) => `${name} ${id}`).sort()).toEqual(['disk.size sda', 'disk.size sdb'])
  })
})
