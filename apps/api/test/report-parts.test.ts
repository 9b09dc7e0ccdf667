import { createAgent, silentLogger } from '@rca/core'
import { command, defineConnector, entity } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import { v7 } from 'uuid'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { AGENT_URL, at, containersOf, DAY, entityOf, reportOf, startApi, type TestApi } from './kit.ts'

const containerIds = async (api: TestApi): Promise<string> => (await containersOf(api)).join(' ')

/** Creates a snapshot in parts, each with one of the entities, starting at a sequence. */
function snapshotOf(sequence: number, ...entities: readonly string[]): Report[] {
  const first = v7()
  return entities.map((entity, number) =>
    reportOf(
      { entities: [entityOf(entity)] },
      {
        report_id: number === 0 ? first : v7(),
        sequence: sequence + number,
        part: { first, number, snapshot: true, ...(number === entities.length - 1 ? { last: true } : {}) },
      },
    ),
  )
}

async function apiWith(...entities: readonly string[]): Promise<{ api: TestApi; token: string }> {
  const api = await startApi()
  const token = await api.provision()
  await api.send(token, reportOf({ entities: entities.map((entity) => entityOf(entity)) }, { snapshot: true }))
  return { api, token }
}

/** Runs an agent that sees a number of containers of 500 bytes until it has reported them. */
async function reportContainers(api: TestApi, url: string, token: string, count: number): Promise<void> {
  const signals = {
    container: entity({ type: 'container', description: 'A container.', attributes: { note: 'Any.' } }),
  }
  const container = (index: number) =>
    signals.container.entity({ id: String(index).padStart(5, '0'), attributes: { note: 'x'.repeat(400) } })
  const entities = Array.from({ length: count }, (_, index) => container(index))
  const agent = createAgent({
    connector: defineConnector({
      type: 'docker',
      title: 'Docker',
      description: 'Watch a Docker host',
      config: z.object({}),
      signals,
      deploy: () => ({ command: command('install') }),
      connect: async () => ({}),
      disconnect: async () => undefined,
      identify: async () => ({ id: 'engine', name: 'engine', entity: signals.container.reference('00000') }),
      collectors: { containers: { timeout: '1m', collect: async () => ({ entities }) } },
    }),
    platformUrl: url,
    agentToken: token,
    logger: silentLogger,
  })
  onTestFinished(() => agent.stop())
  await agent.start()
  // On a busy machine, the first report does not wait for the containers.
  await vi.waitFor(async () => expect(await countContainers(api)).toBe(count), { timeout: 140_000, interval: 500 })
  // Delivers pending reports first.
  await agent.stop({ timeout: '60s' })
}

async function countContainers(api: TestApi): Promise<number> {
  const [agent] = (await api.admin('/api/v1/agents')).json().agents
  return (await api.list(`/api/v1/agents/${agent.agent_id}/entities?type=container&limit=1000`)).length
}

describe('snapshots in parts', () => {
  test.each([
    ['in order', [0, 1, 2]],
    ['backwards', [2, 1, 0]],
    ['the first one late', [1, 2, 0]],
    ['one of them twice', [0, 0, 2, 2, 1, 1]],
  ])('deletes entities without a part once all parts have arrived: %s', async (_name, order) => {
    const { api, token } = await apiWith('a', 'old')
    const parts = snapshotOf(1, 'a', 'b', 'c')
    const missing = new Set([0, 1, 2])
    for (const index of order) {
      const part = parts[index]
      if (part !== undefined) expect((await api.send(token, part)).statusCode).toBe(202)
      missing.delete(index)
      expect((await containerIds(api)).includes('-old')).toBe(missing.size === 0)
    }
    expect(await containerIds(api)).toBe('a b c -old')
  })

  test('deletes entities when all parts arrive in one request', async () => {
    const { api, token } = await apiWith('a', 'old')
    await api.send(token, ...snapshotOf(1, 'a', 'b'))
    expect(await containerIds(api)).toBe('a b -old')
  })

  test('keep what could not be read', async () => {
    const { api, token } = await apiWith('a', 'hidden', 'old')
    const snapshot_except = [{ type: 'container', id: 'hidden' }]
    for (const { part, ...report } of snapshotOf(1, 'a', 'b')) {
      const { snapshot: _snapshot, ...position } = part ?? { first: '', number: 0 }
      await api.send(token, { ...report, part: { ...position, snapshot_except } })
    }
    expect(await containerIds(api)).toBe('a b hidden -old')
  })

  test('deletes nothing while a part is missing, until a later snapshot is complete', async () => {
    const { api, token } = await apiWith('a', 'old')
    const [first, , last] = snapshotOf(1, 'a', 'b', 'c')
    for (const part of [first, last]) if (part !== undefined) await api.send(token, part)
    expect(await containerIds(api)).toBe('a c old')
    await api.send(token, ...snapshotOf(4, 'a', 'b'))
    expect(await containerIds(api)).toBe('a b -c -old')
  })

  test('keeps entities reported after the snapshot began when a part is late', async () => {
    const { api, token } = await apiWith('a', 'old')
    const [first, late, last] = snapshotOf(1, 'a', 'b', 'c')
    for (const part of [first, last]) if (part !== undefined) await api.send(token, part)
    const removed = { ...entityOf('a'), deleted: true as const }
    await api.send(token, reportOf({ entities: [entityOf('new'), removed] }, { sequence: 4 }))
    if (late !== undefined) await api.send(token, late)
    expect(await containerIds(api)).toBe('-a b c new -old')
  })

  test('keeps gaps open that every part contains', async () => {
    const { api, token } = await apiWith('a')
    const gap = { scope: 'container:2', reason: 'permission denied', since: at(0) }
    const parts = snapshotOf(1, 'a', 'b').map((part) => ({ ...part, data: { ...part.data, gaps: [gap] } }))
    for (const part of parts) await api.send(token, part)
    const { gaps } = (await api.admin(`${AGENT_URL}/gaps`)).json()
    expect(gaps).toMatchObject([{ scope: 'container:2', open: true }])
  })

  test('removes parts of incomplete snapshots after the retention', async () => {
    const { api, token } = await apiWith('a')
    const [first, last] = snapshotOf(1, 'a', 'b')
    if (first !== undefined) await api.send(token, first)
    api.clock.now += 8 * DAY
    await api.applyRetention()
    await api.send(token, reportOf({ entities: [entityOf('a'), entityOf('x')] }, { sequence: 3 }))
    if (last !== undefined) await api.send(token, last)
    expect(await containerIds(api)).toContain('x')
  })

  test('stores snapshots of a real agent, and deletes the container that the second one lacks', async () => {
    const api = await startApi({ now: Date.now })
    const url = await api.listen()
    const token = await api.provision()
    await reportContainers(api, url, token, 9000)
    expect(await countContainers(api)).toBe(9000)
    await reportContainers(api, url, token, 8999)
    expect(await countContainers(api)).toBe(8999)
  }, 300_000)
})
