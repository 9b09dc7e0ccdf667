import { createAgent, silentLogger } from '@rca/core'
import { defineConnector, entity, sh } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import { v7 } from 'uuid'
import { expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { agentIdOf, entityOf, reportOf, START, startApi, type TestApi } from './start-api.ts'

const id = agentIdOf('first')

/** Entities, those that are gone with a `-`. */
async function hearths(api: TestApi): Promise<string> {
  const { entities } = (await api.admin(`/api/v1/agents/${id}/entities?include_deleted=true`)).json()
  return entities
    .map((entity: { id: string; deleted_at?: string }) =>
      entity.deleted_at === undefined ? entity.id : `-${entity.id}`,
    )
    .join(' ')
}

/** A snapshot in parts, each with one of these entities, that begins at this sequence. */
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

it.each([
  ['in order', [0, 1, 2]],
  ['backwards', [2, 1, 0]],
  ['the first one late', [1, 2, 0]],
  ['one of them twice', [0, 0, 2, 2, 1, 1]],
])('marks what is absent from all parts of a snapshot, once they have arrived: %s', async (_name, order) => {
  const { api, token } = await apiWith('a', 'gone')
  const parts = snapshotOf(1, 'a', 'b', 'c')
  const missing = new Set([0, 1, 2])
  for (const index of order) {
    const part = parts[index]
    if (part !== undefined) expect((await api.send(token, part)).statusCode).toBe(202)
    missing.delete(index)
    expect((await hearths(api)).includes('-gone')).toBe(missing.size === 0)
  }
  expect(await hearths(api)).toBe('a b c -gone')
})

it('marks all of it within one request', async () => {
  const { api, token } = await apiWith('a', 'gone')
  await api.send(token, ...snapshotOf(1, 'a', 'b'))
  expect(await hearths(api)).toBe('a b -gone')
})

it('marks nothing while a part is missing, and what is absent from a later snapshot that is complete', async () => {
  const { api, token } = await apiWith('a', 'gone')
  const [first, , last] = snapshotOf(1, 'a', 'b', 'c')
  for (const part of [first, last]) if (part !== undefined) await api.send(token, part)
  expect(await hearths(api)).toBe('a c gone')
  await api.send(token, ...snapshotOf(4, 'a', 'b'))
  expect(await hearths(api)).toBe('a b -c -gone')
})

it('leaves what was heard of after the snapshot began, when a part of it is late', async () => {
  const { api, token } = await apiWith('a', 'gone')
  const [first, late, last] = snapshotOf(1, 'a', 'b', 'c')
  for (const part of [first, last]) if (part !== undefined) await api.send(token, part)
  const removed = { ...entityOf('a'), deleted: true as const }
  await api.send(token, reportOf({ entities: [entityOf('new'), removed] }, { sequence: 4 }))
  if (late !== undefined) await api.send(token, late)
  expect(await hearths(api)).toBe('-a b c -gone new')
})

it('keeps gaps open that every part names', async () => {
  const { api, token } = await apiWith('a')
  const gap = { scope: 'hearth:2', reason: 'no door', since: new Date(START).toISOString() }
  const parts = snapshotOf(1, 'a', 'b').map((part) => ({ ...part, data: { ...part.data, gaps: [gap] } }))
  for (const part of parts) await api.send(token, part)
  const { gaps } = (await api.admin(`/api/v1/agents/${id}/gaps`)).json()
  expect(gaps).toMatchObject([{ scope: 'hearth:2', open: true }])
})

it('forgets parts of snapshots that never became complete', async () => {
  const { api, token } = await apiWith('a')
  const [first, last] = snapshotOf(1, 'a', 'b')
  if (first !== undefined) await api.send(token, first)
  api.clock.now += 8 * 86_400_000
  await api.applyRetention()
  await api.send(token, reportOf({ entities: [entityOf('a'), entityOf('x')] }, { sequence: 3 }))
  if (last !== undefined) await api.send(token, last)
  expect(await hearths(api)).toContain('x')
})

/** Runs an agent that sees this many hearths of 500 bytes until it has told of them. */
async function see(api: TestApi, url: string, token: string, count: number): Promise<void> {
  const signals = { hearth: entity({ type: 'hearth', description: 'A hearth.', attributes: { note: 'Any.' } }) }
  const hearth = (index: number) =>
    signals.hearth.entity({ id: String(index).padStart(5, '0'), attributes: { note: 'x'.repeat(400) } })
  const entities = Array.from({ length: count }, (_, index) => hearth(index))
  const agent = createAgent({
    connector: defineConnector({
      type: 'kiln',
      title: 'Kiln',
      description: 'Watch a kiln',
      config: z.object({}),
      signals,
      deploy: () => ({ command: sh`fire` }),
      connect: async () => ({}),
      disconnect: async () => undefined,
      identify: async () => ({ id: 'kiln', name: 'kiln', entity: signals.hearth.reference('00000') }),
      collectors: { hearths: { collect: async () => ({ entities }) } },
    }),
    platformUrl: url,
    agentToken: token,
    logger: silentLogger,
  })
  onTestFinished(() => agent.stop())
  const before = await lastReportAt(api)
  await agent.start()
  await vi.waitFor(async () => expect(await lastReportAt(api)).toBeGreaterThan(before), {
    timeout: 60_000,
    interval: 100,
  })
  // What waits is delivered first.
  await agent.stop({ timeout: '60s' })
}

async function lastReportAt(api: TestApi): Promise<number> {
  const [agent] = (await api.admin('/api/v1/agents')).json().agents
  return agent?.last_report_at === undefined ? 0 : Date.parse(agent.last_report_at)
}

/** How many hearths are said to exist. */
async function known(api: TestApi): Promise<number> {
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const [agent] = (await api.admin('/api/v1/agents')).json().agents
    const page: { entities: unknown[]; next_cursor: string | null } = (
      await api.admin(
        `/api/v1/agents/${agent.agent_id}/entities?type=hearth&limit=1000${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
    ).json()
    count += page.entities.length
    cursor = page.next_cursor
  }
  return count
}

it('takes a snapshot of a real agent in parts, and the next one of an agent that sees less', async () => {
  const api = await startApi({ now: Date.now })
  const url = await api.listen()
  const token = await api.provision()
  await see(api, url, token, 9000)
  expect(await known(api)).toBe(9000)
  await see(api, url, token, 8999)
  expect(await known(api)).toBe(8999)
}, 180_000)
